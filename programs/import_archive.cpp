#include "programs/import_archive.hpp"

#include <variant>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "base/text.hpp"
#include "log/archive.hpp"
#include "programs/archive_file.hpp"
#include "programs/progress.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

namespace archive = log::archive;
using json = nlohmann::ordered_json;

class archive_import {
public:
  archive_import(const plan& all, archive_reader file, std::string name)
      : all_(all), file_(std::move(file)), name_(std::move(name)) {
    // nop
  }

  result<void> show();
  result<void> run();

private:
  result<void> read_head();
  result<void> open_core(session& store);
  result<void> find_path(const core_record& record);
  result<void> take_head(session& store);
  result<void> take_blocks(session& store);
  void forget_new_core(session& store);

  const plan& all_;
  archive_reader file_;
  std::string name_;
  archive::head_frame head_;
  core_actor core_;
  bool is_new_ = false;
  std::uint64_t blocks_ = 0; ///< in the archive
  std::uint64_t bytes_ = 0;
  std::uint64_t added_ = 0;
};

result<void> archive_import::read_head() {
  auto payload = file_.next();
  if (!payload)
    return fail(payload.error());
  auto frame = *payload ? archive::decode(**payload) : result<archive::frame>{archive::end_frame{}};
  if (!frame)
    return fail(frame.error().code, name_ + ": " + frame.error().detail);
  auto* head = std::get_if<archive::head_frame>(&*frame);
  if (head == nullptr)
    return fail(ec::decoding_failed, name_ + " does not begin with a head");
  head_ = std::move(*head);
  return {};
}

result<void> archive_import::open_core(session& store) {
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data = head_.key.data;
  selector.generation = static_cast<std::uint8_t>(head_.generation);
  selector.create = false;
  is_new_ = !store.ask<core_record>(store.store(), info_atom_v, selector);
  selector.create = true;
  auto opened = store.ask<opened_core>(store.store(), open_atom_v, selector);
  if (!opened)
    return fail(opened.error());
  core_ = opened->handle;
  return find_path(opened->record);
}

/// A log that is here already and shorter is led on by nodes that lie among those of the blocks.
result<void> archive_import::find_path(const core_record& record) {
  if (record.length == 0 || record.length >= head_.head.length)
    return {};
  auto needed = log::archive::needed_nodes(record.length, head_.head.length);
  for (;;) {
    auto payload = file_.next();
    if (!payload)
      return fail(payload.error());
    auto frame = *payload ? archive::decode(**payload) : result<archive::frame>{archive::end_frame{}};
    if (!frame)
      return fail(frame.error().code, name_ + ": " + frame.error().detail);
    const auto* part = std::get_if<archive::blocks_frame>(&*frame);
    if (part == nullptr)
      break;
    for (const auto& block : part->blocks) {
      auto leaf = archive::leaf_of(block, head_.generation);
      if (needed.erase(leaf.index) > 0)
        head_.path.push_back(leaf);
      for (const auto& node : block.nodes)
        if (needed.erase(node.index) > 0)
          head_.path.push_back(node);
    }
  }
  file_.rewind();
  return file_.next().map([](const std::optional<bytes>&) {});
}

result<void> archive_import::take_head(session& store) {
  auto taken = store.ask<std::uint64_t>(core_, import_atom_v, archive::encode(head_));
  if (taken)
    return {};
  auto failed = fail(taken.error().code, name_ + ": " + taken.error().detail);
  if (is_new_)
    forget_new_core(store);
  return failed;
}

/// A core that only this archive ever spoke of is not kept when the archive turns out to be wrong.
void archive_import::forget_new_core(session& store) {
  core_selector selector;
  selector.kind = selector_kind::by_key;
  selector.id.data = head_.key.data;
  selector.create = false;
  core_ = nullptr;
  std::ignore = store.ask<clear_result>(store.store(), purge_atom_v, selector);
}

result<void> archive_import::take_blocks(session& store) {
  progress bar{"importing", "bytes", file_.size()};
  for (;;) {
    auto payload = file_.next();
    if (!payload)
      return fail(payload.error());
    if (!*payload)
      return fail(ec::decoding_failed, name_ + " ends early: it is not the whole archive");
    auto frame = archive::decode(**payload);
    if (!frame)
      return fail(frame.error().code, name_ + ": " + frame.error().detail);
    if (const auto* end = std::get_if<archive::end_frame>(&*frame)) {
      if (end->blocks != blocks_ || end->bytes != bytes_)
        return fail(ec::decoding_failed, name_ + " is damaged: blocks are missing in its middle");
      return {};
    }
    const auto* part = std::get_if<archive::blocks_frame>(&*frame);
    if (part == nullptr)
      return fail(ec::decoding_failed, name_ + " is damaged: a second head");
    for (const auto& block : part->blocks)
      bytes_ += block.value.size();
    blocks_ += part->blocks.size();
    auto added = store.ask<std::uint64_t>(core_, import_atom_v, std::move(**payload));
    if (!added)
      return fail(added.error().code, name_ + ": " + added.error().detail);
    added_ += *added;
    bar.at(file_.position());
  }
}

result<void> archive_import::run() {
  if (auto read = read_head(); !read)
    return read;
  auto store = session::open(all_.target, all_.is_json);
  if (!store)
    return fail(store.error());
  if (auto opened = open_core(**store); !opened)
    return opened;
  if (auto taken = take_head(**store); !taken)
    return taken;
  auto done = take_blocks(**store);
  if (!done)
    return done;
  auto record = (*store)->ask<core_record>(core_, info_atom_v);
  if (!record)
    return fail(record.error());
  auto line = to_json(*record);
  line["blocks"] = blocks_;
  line["added"] = added_;
  return (*store)->out().line(
    all_.is_json ? to_line(line)
                 : fmt::format("{}\nimported          {} blocks, {} of them new", to_text(*record), blocks_, added_));
}

result<void> archive_import::show() {
  if (auto read = read_head(); !read)
    return read;
  output out;
  auto key = text::to_hex(head_.key.view());
  auto generation = static_cast<unsigned>(head_.generation);
  if (all_.is_json)
    return out.line(to_line({{"found", "archive"},
                             {"key", key},
                             {"generation", generation},
                             {"fork", head_.head.fork},
                             {"length", head_.head.length},
                             {"byteLength", head_.head.byte_length}}));
  return out.line(fmt::format("{}: archive of one core\nkey {}  generation {}  fork {}  length {}  bytes {}", name_,
                              key, generation, head_.head.fork, head_.head.length, head_.head.byte_length));
}

} // namespace

result<void> import_archive(const plan& all, const std::filesystem::path& path, bool is_plan) {
  auto file = archive_reader::open(path);
  if (!file)
    return fail(file.error());
  archive_import run{all, std::move(*file), path.string()};
  return is_plan ? run.show() : run.run();
}

} // namespace corestore::programs
