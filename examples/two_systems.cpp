// two_systems DIRECTORY: two actor systems in one process, each with a store of its own below DIRECTORY. One writes,
// the other reads the same core over a connection between them.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include <caf/all.hpp>
#include <corestore/actors.hpp>

namespace {

struct host_config : corestore::with_engine<> {};

/// An actor system with a store in it.
class node {
public:
  explicit node(const std::filesystem::path& directory) : system_(config_), self_(system_) {
    auto opened = corestore::open_engine(system_, directory);
    if (opened)
      engine_ = std::move(*opened);
    else
      std::fprintf(stderr, "%s\n", corestore::to_string(opened.error()).c_str());
  }

  [[nodiscard]] corestore::actors::engine* engine() const {
    return engine_.get();
  }

  /// One request from outside of any actor.
  template <class Answer, class Handle, class... Content>
  std::optional<Answer> ask(const Handle& target, Content&&... content) {
    std::optional<Answer> answer;
    self_->request(target, std::chrono::seconds{30}, std::forward<Content>(content)...)
      .receive([&](Answer& value) { answer = std::move(value); },
               [&](const caf::error& reason) { std::fprintf(stderr, "%s\n", system_.render(reason).c_str()); });
    return answer;
  }

private:
  host_config config_;
  caf::actor_system system_;
  caf::scoped_actor self_;
  std::unique_ptr<corestore::actors::engine> engine_;
};

int run(const std::filesystem::path& directory) {
  node writer{directory / "writer"};
  node reader{directory / "reader"};
  if (writer.engine() == nullptr || reader.engine() == nullptr)
    return 1;

  corestore::core_selector by_name;
  by_name.name = "shared";
  auto source = writer.ask<corestore::opened_core>(writer.engine()->store(), corestore::open_atom_v, by_name);
  auto address = writer.engine()->listen({false, "127.0.0.1", 0});
  if (!source || !address)
    return 1;
  std::vector<corestore::shared_bytes> blocks{corestore::to_bytes("from one system to the other")};
  if (!writer.ask<corestore::append_result>(source->handle, corestore::append_atom_v, blocks))
    return 1;

  corestore::core_selector by_key;
  by_key.kind = corestore::selector_kind::by_key;
  by_key.id.data = source->record.key.data;
  auto copy = reader.ask<corestore::opened_core>(reader.engine()->store(), corestore::open_atom_v, by_key);
  if (!copy)
    return 1;
  reader.engine()->connect(*address);
  constexpr std::uint64_t wait_ms = 20000;
  auto block = reader.ask<corestore::shared_bytes>(copy->handle, corestore::fetch_atom_v, std::uint64_t{0},
                                                   std::uint64_t{wait_ms});
  if (!block)
    return 1;
  auto text = corestore::as_text(block->view());
  std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  return run(argv[1]);
}
