// The verb import, of directories that other implementations left.
#include <filesystem>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/key_file.hpp"
#include "migration/key_material.hpp"
#include "programs/archive_file.hpp"
#include "programs/cli.hpp"
#include "programs/import_archive.hpp"
#include "programs/move_in.hpp"
#include "programs/progress.hpp"
#include "programs/record_text.hpp"
#include "programs/signals.hpp"
#include "storage/open.hpp"

namespace corestore::programs {

namespace {

using json = nlohmann::json;

class import_run {
public:
  import_run(const plan& chosen, std::string path) : chosen_(chosen), path_(std::move(path)) {
    // nop
  }

  result<void> show_plan();
  result<void> run();

private:
  result<void> open_source();
  result<std::unique_ptr<storage::backend>> open_target() const;
  result<void> print(const plan_of_core& planned);
  result<void> print(const moved_core& moved);
  result<void> print_found();
  result<void> print_totals();
  void show_progress(std::size_t core, std::uint64_t blocks);
  [[nodiscard]] std::string shown(const std::filesystem::path& place) const;

  result<void> put(const json& line, const std::string& sentence) {
    return out_.line(chosen_.is_json ? to_line(line) : sentence);
  }

  const plan& chosen_;
  std::string path_;
  output out_;
  std::optional<primary_key> secret_; ///< of --primary-key-file
  std::unique_ptr<move_in> source_;
  std::uint64_t cores_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t present_ = 0;
  std::uint64_t damaged_ = 0;
  double seconds_ = 0;
  progress bar_{"importing", "blocks"};
};

result<void> import_run::open_source() {
  if (!chosen_.target.primary_key_file.empty()) {
    auto key = config::read_primary_key(chosen_.target.primary_key_file);
    if (!key)
      return fail(key.error());
    secret_ = *key;
  }
  auto source = move_in::look_at(path_, secret_);
  if (!source)
    return fail(source.error());
  source_ = std::move(*source);
  return {};
}

/// A store that has to be made gets the root secret of the directory, so that names go on to derive the same keys.
result<std::unique_ptr<storage::backend>> import_run::open_target() const {
  storage::open_options options;
  options.primary = secret_;
  options.may_create = false;
  auto backend = storage::open_store(chosen_.target.storage, options);
  if (backend || backend.error().code != ec::not_found)
    return backend;
  options.may_create = true;
  if (!options.primary)
    options.primary = source_->found().secret;
  return storage::open_store(chosen_.target.storage, options);
}

std::string import_run::shown(const std::filesystem::path& place) const {
  auto below = place.lexically_relative(source_->found().root);
  return below.empty() || below == "." ? place.string() : below.string();
}

json complaints_of(const std::vector<std::string>& complaints) {
  auto list = json::array();
  for (const auto& one : complaints)
    list.push_back(one);
  return list;
}

json identity_of(const migration::core_facts& facts) {
  return {{"key", text::to_hex(facts.header.key.view())},
          {"discoveryKey", text::to_hex(facts.header.discovery.view())},
          {"generation", facts.header.generation == log::generation::g9 ? 9 : 10},
          {"length", facts.head.length},
          {"byteLength", facts.head.byte_length},
          {"fork", facts.head.fork}};
}

result<void> import_run::print_found() {
  const auto& found = source_->found();
  auto kind = std::string{migration::describe(found.kind)};
  auto sentence = fmt::format("{}: {}, {} core{}{}", found.root.string(), kind, found.cores.size(),
                              found.cores.size() == 1 ? "" : "s", found.secret ? "" : ", no primary key");
  for (const auto& one : found.complaints)
    sentence += "\n  " + one;
  return put({{"found", kind},
              {"path", found.root.string()},
              {"cores", found.cores.size()},
              {"primaryKey", found.secret.has_value()},
              {"complaints", complaints_of(found.complaints)}},
             sentence);
}

result<void> import_run::print(const plan_of_core& planned) {
  ++cores_;
  json line{{"path", shown(planned.place)}};
  if (planned.failure) {
    ++failed_;
    line["error"] = planned.failure->detail;
    return put(line, fmt::format("{}  cannot be read: {}", shown(planned.place), planned.failure->detail));
  }
  const auto& facts = *planned.facts;
  blocks_ += planned.blocks;
  bytes_ += planned.bytes_needed;
  seconds_ += planned.seconds;
  line.update(identity_of(facts));
  line["name"] = facts.alias ? json(facts.alias->name) : json();
  line["writable"] = facts.header.origin != log::key_origin::none;
  line["blocks"] = planned.blocks;
  line["bytesNeeded"] = planned.bytes_needed;
  line["complaints"] = complaints_of(facts.complaints);
  auto sentence =
    fmt::format("key {}  length {}  blocks {}  bytes {}{}{}", text::to_hex(facts.header.key.view()), facts.head.length,
                planned.blocks, planned.bytes_needed, facts.header.origin == log::key_origin::none ? "" : "  writable",
                facts.alias ? "  " + migration::shown_name(facts.alias->name) : "");
  for (const auto& one : facts.complaints)
    sentence += "\n  " + one;
  return put(line, sentence);
}

result<void> import_run::show_plan() {
  if (auto opened = open_source(); !opened)
    return opened;
  if (auto printed = print_found(); !printed)
    return printed;
  if (auto planned = source_->plan([this](const plan_of_core& one) { return print(one); }); !planned)
    return planned;
  return put({{"cores", cores_},
              {"blocks", blocks_},
              {"bytesNeeded", bytes_},
              {"secondsExpected", seconds_},
              {"failed", failed_}},
             fmt::format("cores {}  blocks {}  bytes needed {}  expected {:.1f} s{}", cores_, blocks_, bytes_, seconds_,
                         failed_ > 0 ? fmt::format("  unreadable {}", failed_) : ""));
}

result<void> import_run::print(const moved_core& moved) {
  bar_.hide();
  ++cores_;
  const auto& report = moved.report;
  blocks_ += report.blocks;
  bytes_ += report.bytes;
  present_ += report.present;
  damaged_ += report.damaged;
  json line{{"path", shown(moved.place)}};
  auto sentence = shown(moved.place);
  if (moved.facts) {
    line.update(identity_of(*moved.facts));
    line["name"] = moved.name.empty() ? json() : json(moved.name);
    line["writable"] = moved.is_writable;
    line["blocks"] = report.blocks;
    line["bytes"] = report.bytes;
    line["present"] = report.present;
    line["damaged"] = report.damaged;
    line["faults"] = complaints_of(report.faults);
    line["complaints"] = complaints_of(moved.complaints);
    sentence = fmt::format("key {}  length {}  blocks {}  bytes {}{}{}{}", text::to_hex(moved.facts->header.key.view()),
                           moved.facts->head.length, report.blocks, report.bytes,
                           report.present > 0 ? fmt::format("  present {}", report.present) : "",
                           report.damaged > 0 ? fmt::format("  damaged {}", report.damaged) : "",
                           moved.name.empty() ? "" : "  " + migration::shown_name(moved.name));
    for (const auto* list : {&moved.complaints, &report.faults})
      for (const auto& one : *list)
        sentence += "\n  " + one;
  }
  if (moved.failure && moved.failure->code != ec::cancelled) {
    ++failed_;
    line["error"] = moved.failure->detail;
    sentence += "\n  not brought: " + moved.failure->detail;
  }
  return put(line, sentence);
}

result<void> import_run::print_totals() {
  bar_.hide();
  return put({{"cores", cores_},
              {"blocks", blocks_},
              {"bytes", bytes_},
              {"present", present_},
              {"damaged", damaged_},
              {"failed", failed_}},
             fmt::format("cores {}  blocks {}  bytes {}  present {}  damaged {}  failed {}", cores_, blocks_, bytes_,
                         present_, damaged_, failed_));
}

void import_run::show_progress(std::size_t core, std::uint64_t blocks) {
  bar_.rename(fmt::format("core {} of {}", core + 1, source_->found().cores.size()));
  bar_.at(blocks_ + blocks);
}

result<void> import_run::run() {
  if (chosen_.target.storage.empty())
    return fail(
      ec::bad_argument,
      "a directory holds secret keys and names, which only the owner of a store takes in: end the server, "
      "`corestore --storage DIR-OF-ITS-STORE import " +
        path_ + "`, and start it again; without a stop it takes archives of `export`, and what peers replicate to it");
  if (auto opened = open_source(); !opened)
    return opened;
  signal_watch signals{SIGINT, SIGTERM};
  auto target = open_target();
  if (!target && target.error().code == ec::store_held)
    return fail(ec::store_held, target.error().detail + ": end it, a directory is imported by the only owner");
  if (!target)
    return fail(target.error());
  if (auto printed = print_found(); !printed)
    return printed;
  auto moved = source_->run(
    **target, [&signals] { return signals.is_ending(); },
    [this](std::size_t core, std::uint64_t blocks, std::uint64_t) { show_progress(core, blocks); },
    [this](const moved_core& one) { return print(one); });
  if (auto printed = print_totals(); !printed)
    return printed;
  if (!moved)
    return moved;
  if (failed_ > 0 || damaged_ > 0)
    return fail(ec::invalid_checksum,
                fmt::format("{} of {} cores were not brought, and {} blocks are damaged", failed_, cores_, damaged_));
  return {};
}

} // namespace

void add_import(CLI::App& app, plan& chosen) {
  auto path = std::make_shared<std::string>();
  auto is_plan = std::make_shared<bool>(false);
  auto* verb = app.add_subcommand(
    "import", "Bring an archive of `export`, or the cores of a directory of corestore 5 or 6, into the store");
  verb->add_option("PATH", *path, "Archive of a core, directory of a store or of one core; it is only read")
    ->required();
  verb->add_flag("--plan", *is_plan, "Print what is there, the bytes needed and the time expected; change nothing");
  verb->callback([&chosen, path, is_plan] {
    chosen.run_alone = [path, is_plan](const plan& all) -> result<void> {
      if (is_archive(*path))
        return import_archive(all, *path, *is_plan);
      if (std::filesystem::is_regular_file(*path))
        return fail(ec::bad_argument, *path + " is no archive of `export`, and no directory either");
      import_run run{all, *path};
      return *is_plan ? run.show_plan() : run.run();
    };
  });
}

} // namespace corestore::programs
