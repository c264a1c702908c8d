#include "corestore/actors.hpp"

namespace corestore {

result<std::unique_ptr<actors::engine>> open_engine(caf::actor_system& system, const std::filesystem::path& directory,
                                                    const storage::open_options& storage,
                                                    actors::engine_settings settings) {
  auto backend = storage::open_store(directory, storage);
  if (!backend)
    return fail(backend.error());
  return std::make_unique<actors::engine>(system, std::shared_ptr<storage::backend>{std::move(*backend)},
                                          std::move(settings));
}

} // namespace corestore
