#include "programs/move_out.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "log/hashes.hpp"
#include "log/namespaces.hpp"
#include "migration/core_source.hpp"
#include "migration/output_file.hpp"

namespace corestore::programs {

namespace {

/// A core of a store, as the writers want to see one.
class stored_core final : public migration::core_source {
public:
  static result<std::unique_ptr<stored_core>> open(storage::backend& store, const discovery_key& discovery) {
    auto snapshot = store.open_snapshot();
    if (!snapshot)
      return fail(snapshot.error());
    auto header = (*snapshot)->header(discovery);
    if (!header)
      return fail(header.error());
    if (!*header)
      return fail(ec::not_found, "no core is stored under discovery key " + text::to_hex(discovery.view()));
    auto head = (*snapshot)->head((*header)->number);
    auto bits = (*snapshot)->bits((*header)->number);
    if (!head || !bits)
      return fail(head ? bits.error() : head.error());
    std::unique_ptr<stored_core> opened{new stored_core{std::move(*snapshot), (*header)->number}};
    auto& facts = opened->facts_;
    facts.header = **header;
    facts.header.discovery = log::discovery_key_of(facts.header.key); // the second half of a core in both has an id
    if (facts.header.origin == log::key_origin::derived)
      facts.header.pair = log::derive_key_pair(store.root_key(), facts.header);
    facts.head = std::move(*head);
    facts.bits = std::move(*bits);
    auto seen = opened->snapshot_->each_user_data(opened->number_, [&](std::string_view name, byte_view value) {
      if (!name.starts_with('\0')) // an entry of our own
        facts.user_data.push_back({std::string{name}, to_bytes(value)});
      return true;
    });
    if (!seen)
      return fail(seen.error());
    return opened;
  }

  [[nodiscard]] result<std::optional<log::node>> node_at(std::uint64_t index) const override {
    return snapshot_->node(number_, index);
  }
  [[nodiscard]] result<shared_bytes> block_bytes(std::uint64_t index, std::uint64_t, std::size_t) const override {
    auto found = snapshot_->block(number_, index);
    if (!found)
      return fail(found.error());
    if (!*found)
      return fail(ec::decoding_failed, "block " + std::to_string(index) + " is missing");
    return std::move(**found);
  }
  [[nodiscard]] result<std::optional<signature64>> signature_at(std::uint64_t length) const override {
    return snapshot_->signature(number_, length);
  }

private:
  stored_core(std::unique_ptr<storage::snapshot> snapshot, log::core_number number)
      : snapshot_(std::move(snapshot)), number_(number) {
    // nop
  }

  std::unique_ptr<storage::snapshot> snapshot_;
  log::core_number number_;
};

} // namespace

result<written_core> write_core(storage::backend& store, const discovery_key& discovery,
                                const std::filesystem::path& directory, const migration::export_options& options) {
  auto source = stored_core::open(store, discovery);
  if (!source)
    return fail(source.error());
  written_core written;
  written.header = (*source)->facts().header;
  written.length = (*source)->facts().head.length;
  written.place = directory;
  auto report = migration::write_core(**source, directory, options);
  if (!report)
    return fail(report.error());
  written.report = std::move(*report);
  return written;
}

result<void> write_store(storage::backend& store, log::generation which, const std::filesystem::path& directory,
                         const migration::export_options& options,
                         const std::function<result<void>(const written_core&)>& visit) {
  if (auto made = migration::make_empty_directory(directory); !made)
    return made;
  auto is_nine = which == log::generation::g9;
  if (auto done = migration::write_file(directory / (is_nine ? "master_key" : "primary-key"), store.root_key().view());
      !done)
    return done;
  std::vector<log::core_header> headers;
  {
    auto snapshot = store.open_snapshot();
    if (!snapshot)
      return fail(snapshot.error());
    auto seen = (*snapshot)->each_header([&](const log::core_header& header) {
      if (header.generation == which)
        headers.push_back(header);
      return true;
    });
    if (!seen)
      return seen;
  }
  auto top = is_nine ? directory : directory / "cores";
  for (const auto& header : headers) {
    auto place = top / migration::place_of(log::discovery_key_of(header.key));
    auto written = write_core(store, header.discovery, place, options);
    written_core outcome;
    if (written) {
      outcome = std::move(*written);
    } else {
      outcome.header = header;
      outcome.place = place;
      outcome.failure = written.error();
    }
    if (auto told = visit(outcome); !told)
      return told;
    if (!written && (written.error().code == ec::cancelled || written.error().code == ec::storage_full))
      return fail(written.error());
  }
  return {};
}

} // namespace corestore::programs
