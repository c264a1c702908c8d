// The verb export, into directories that the JavaScript packages open.
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/key_file.hpp"
#include "log/hashes.hpp"
#include "log/legacy/keys.hpp"
#include "log/namespaces.hpp"
#include "log/twin.hpp"
#include "programs/cli.hpp"
#include "programs/export_archive.hpp"
#include "programs/move_out.hpp"
#include "programs/record_text.hpp"
#include "programs/signals.hpp"
#include "storage/open.hpp"

namespace corestore::programs {

namespace {

using json = nlohmann::json;

struct export_request {
  std::string format;
  std::string core; ///< empty: the whole store
  std::string directory;

  [[nodiscard]] log::generation generation() const {
    return format.ends_with("9") || format.ends_with("5") ? log::generation::g9 : log::generation::g10;
  }
  [[nodiscard]] bool is_store() const {
    return format.starts_with("corestore");
  }
};

class export_run {
public:
  export_run(const plan& chosen, export_request wanted) : chosen_(chosen), wanted_(std::move(wanted)) {
    // nop
  }

  result<void> run();

private:
  result<void> open();
  [[nodiscard]] result<discovery_key> find() const;
  [[nodiscard]] result<std::optional<discovery_key>> find_name(const storage::snapshot& source,
                                                               log::generation generation) const;
  [[nodiscard]] result<std::optional<discovery_key>> half_of(const storage::snapshot& source,
                                                             const discovery_key& found) const;
  result<void> print(const written_core& written);
  result<void> one(const migration::export_options& options);
  result<void> all(const migration::export_options& options);

  const plan& chosen_;
  export_request wanted_;
  output out_;
  std::unique_ptr<storage::backend> store_;
  std::uint64_t cores_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t failed_ = 0;
};

/// Beside the owner of the store, if it has one.
result<void> export_run::open() {
  storage::open_options options;
  options.may_create = false;
  options.is_read_only = true;
  if (!chosen_.target.primary_key_file.empty()) {
    auto key = config::read_primary_key(chosen_.target.primary_key_file);
    if (!key)
      return fail(key.error());
    options.primary = *key;
  }
  auto opened = storage::open_store(chosen_.target.storage, options);
  if (!opened)
    return fail(opened.error());
  store_ = std::move(*opened);
  return {};
}

result<std::optional<discovery_key>> export_run::find_name(const storage::snapshot& source,
                                                           log::generation generation) const {
  constexpr std::string_view prefix = "name:";
  const auto& path = chosen_.target.name_space;
  auto is_default = wanted_.core == "default";
  auto name = is_default ? std::string{log::legacy::default_name} : wanted_.core.substr(prefix.size());
  auto name_space = log::legacy::alias_space();
  if (generation == log::generation::g10) {
    name_space = {};
    for (const auto& child : path)
      name_space = log::child_namespace(name_space, as_bytes(child));
  } else if (is_default) {
    name = log::legacy::name_of_default(path);
  }
  return source.alias(name_space, name);
}

/// The half of a core that is of the generation wanted, whichever of the two was found.
result<std::optional<discovery_key>> export_run::half_of(const storage::snapshot& source,
                                                         const discovery_key& found) const {
  for (const auto& candidate : {found, log::twin_id(found)}) {
    auto header = source.header(candidate);
    if (!header)
      return fail(header.error());
    if (*header && (*header)->generation == wanted_.generation())
      return candidate;
  }
  return std::nullopt;
}

result<discovery_key> export_run::find() const {
  auto source = store_->open_snapshot();
  if (!source)
    return fail(source.error());
  auto missing = fail(ec::not_found, "the store does not know the core " + wanted_.core);
  if (wanted_.core == "default" || wanted_.core.starts_with("name:")) {
    auto ours = find_name(**source, wanted_.generation());
    if (!ours || *ours)
      return ours.map([](const auto& id) { return *id; });
    auto others =
      find_name(**source, wanted_.generation() == log::generation::g9 ? log::generation::g10 : log::generation::g9);
    auto half = others && *others ? half_of(**source, **others) : others; // the name of a core in both
    return half && !*half ? result<discovery_key>{missing} : half.map([](const auto& id) { return *id; });
  }
  auto id = text::parse_key<core_key>(wanted_.core);
  if (!id)
    return fail(ec::bad_argument, "CORE is a key, a discovery key, name:NAME or default, not `" + wanted_.core + "`");
  discovery_key direct;
  direct.data = id->data;
  for (const auto& candidate : {log::discovery_key_of(*id), direct}) {
    auto header = (*source)->header(candidate);
    if (!header)
      return fail(header.error());
    if (!*header)
      continue;
    auto half = half_of(**source, candidate);
    return half.map([&](const auto& wanted) { return wanted.value_or(candidate); });
  }
  return missing;
}

result<void> export_run::print(const written_core& written) {
  ++cores_;
  const auto& report = written.report;
  blocks_ += report.blocks;
  bytes_ += report.bytes;
  damaged_ += report.damaged;
  auto key = text::to_hex(written.header.key.view());
  if (written.failure) {
    ++failed_;
    if (chosen_.is_json)
      return out_.line(to_line({{"key", key}, {"error", written.failure->detail}}));
    return out_.line(fmt::format("key {}  not written: {}", key, written.failure->detail));
  }
  if (chosen_.is_json)
    return out_.line(to_line({{"key", key},
                              {"discoveryKey", text::to_hex(written.header.discovery.view())},
                              {"path", written.place.string()},
                              {"length", written.length},
                              {"blocks", report.blocks},
                              {"bytes", report.bytes},
                              {"damaged", report.damaged},
                              {"faults", report.faults}}));
  auto line = fmt::format("key {}  length {}  blocks {}  bytes {}  {}", key, written.length, report.blocks,
                          report.bytes, written.place.string());
  for (const auto& fault : report.faults)
    line += "\n  " + fault;
  return out_.line(line);
}

result<void> export_run::one(const migration::export_options& options) {
  auto discovery = find();
  if (!discovery)
    return fail(discovery.error());
  auto snapshot = store_->open_snapshot();
  if (!snapshot)
    return fail(snapshot.error());
  auto header = (*snapshot)->header(*discovery);
  snapshot->reset();
  if (header && *header && (*header)->generation != wanted_.generation())
    return fail(ec::bad_argument,
                fmt::format("the core is of generation {}: its format is {}",
                            (*header)->generation == log::generation::g9 ? 9 : 10,
                            (*header)->generation == log::generation::g9 ? "hypercore-9" : "hypercore-10"));
  auto written = write_core(*store_, *discovery, wanted_.directory, options);
  if (!written)
    return fail(written.error());
  return print(*written);
}

result<void> export_run::all(const migration::export_options& options) {
  auto written = write_store(*store_, wanted_.generation(), wanted_.directory, options,
                             [this](const written_core& one) { return print(one); });
  if (!written)
    return written;
  auto line =
    fmt::format("cores {}  blocks {}  bytes {}  damaged {}  failed {}", cores_, blocks_, bytes_, damaged_, failed_);
  return out_.line(
    chosen_.is_json
      ? to_line({{"cores", cores_}, {"blocks", blocks_}, {"bytes", bytes_}, {"damaged", damaged_}, {"failed", failed_}})
      : line);
}

result<void> export_run::run() {
  if (chosen_.target.storage.empty())
    return fail(
      ec::bad_argument,
      "directories are written from a store on this machine: name it with --storage, also while a server has it");
  if (wanted_.is_store() && wanted_.directory.empty())
    std::swap(wanted_.core, wanted_.directory);
  if (wanted_.directory.empty())
    return fail(ec::bad_argument,
                "export --format " + wanted_.format + (wanted_.is_store() ? " needs DIR" : " needs CORE and DIR"));
  if (wanted_.is_store() && !wanted_.core.empty())
    return fail(ec::bad_argument, "export --format " + wanted_.format + " writes the whole store: it takes DIR alone");
  if (auto opened = open(); !opened)
    return opened;
  signal_watch signals{SIGINT, SIGTERM};
  migration::export_options options;
  options.has_root_secret = wanted_.is_store();
  options.is_ending = [&signals] {
    return signals.is_ending();
  };
  if (auto done = wanted_.is_store() ? all(options) : one(options); !done)
    return done;
  if (damaged_ > 0 || failed_ > 0)
    return fail(ec::invalid_checksum,
                fmt::format("{} of {} cores were not written, and {} blocks are damaged", failed_, cores_, damaged_));
  return {};
}

} // namespace

void add_export(CLI::App& app, plan& chosen) {
  auto wanted = std::make_shared<export_request>();
  auto* verb = app.add_subcommand(
    "export", "Write a core to an archive, or a core or the whole store as directories of the JavaScript packages");
  verb->add_option("CORE", wanted->core, "Key, discovery key, name:NAME or default; not for a whole store");
  verb->add_option("DIR", wanted->directory, "New file for an archive; new or empty directory");
  verb
    ->add_option("--format", wanted->format,
                 "archive (default), hypercore-9 or hypercore-10: one core; corestore-5 or corestore-6: the store")
    ->check(CLI::IsMember({"archive", "hypercore-9", "hypercore-10", "corestore-5", "corestore-6"}));
  verb->callback([&chosen, wanted] {
    chosen.run_alone = [wanted](const plan& all) -> result<void> {
      if (wanted->format.empty() || wanted->format == "archive") {
        if (wanted->core.empty() || wanted->directory.empty())
          return fail(ec::bad_argument, "export needs CORE and FILE");
        return export_archive(all, wanted->core, wanted->directory);
      }
      return export_run{all, *wanted}.run();
    };
  });
}

} // namespace corestore::programs
