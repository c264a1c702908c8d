#include "programs/export_archive.hpp"

#include <algorithm>

#include <caf/all.hpp>
#include <fmt/format.h>

#include "log/archive.hpp"
#include "programs/archive_file.hpp"
#include "programs/progress.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

namespace archive = log::archive;

/// Blocks of one frame: large enough that a frame costs nothing, small enough to hold.
constexpr std::uint64_t frame_bytes = std::uint64_t{1} << 20U;

struct counted {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
};

result<counted> write_blocks(session& store, const core_actor& core, const archive::head_frame& head,
                             archive_writer& file) {
  counted total;
  archive_request wanted{head.head.fork, head.head.length, 0, frame_bytes};
  progress bar{"exporting", "blocks", head.head.length};
  for (;;) {
    auto page = store.ask<archive_page>(core, export_atom_v, wanted);
    if (!page)
      return fail(page.error());
    auto frame = page->frame.empty() ? result<archive::frame>{archive::blocks_frame{}} : archive::decode(page->frame);
    if (!frame)
      return fail(frame.error());
    for (const auto& block : std::get<archive::blocks_frame>(*frame).blocks) {
      ++total.blocks;
      total.bytes += block.value.size();
    }
    if (!page->frame.empty())
      if (auto written = file.put(page->frame); !written)
        return fail(written.error());
    bar.at(std::min(page->next, head.head.length));
    if (page->is_last || page->next <= wanted.first)
      break;
    wanted.first = page->next;
  }
  return total;
}

result<void> export_core(session& store, const std::string& name, const std::string& path) {
  auto core = store.open_core(name, false);
  if (!core)
    return fail(core.error());
  auto first = store.ask<bytes>(core->handle, export_atom_v);
  if (!first)
    return fail(first.error());
  auto frame = archive::decode(*first);
  if (!frame)
    return fail(frame.error());
  const auto& head = std::get<archive::head_frame>(*frame);
  auto file = archive_writer::create(path);
  if (!file)
    return fail(file.error());
  if (auto written = file->put(*first); !written)
    return written;
  auto total = write_blocks(store, core->handle, head, *file);
  if (!total)
    return fail(total.error());
  if (auto written = file->put(archive::encode(archive::end_frame{total->blocks, total->bytes})); !written)
    return written;
  auto size = file->finish();
  if (!size)
    return fail(size.error());
  auto missing = head.head.length - total->blocks;
  if (store.is_json()) {
    auto line = to_json(core->record);
    line["blocks"] = total->blocks;
    line["missing"] = missing;
    line["bytes"] = total->bytes;
    line["fileBytes"] = *size;
    return store.out().line(to_line(line));
  }
  return store.out().line(fmt::format("{}: length {}  blocks {}  bytes {}  file {} bytes{}", path, head.head.length,
                                      total->blocks, total->bytes, *size,
                                      missing > 0 ? fmt::format("  ({} blocks are not stored here)", missing) : ""));
}

} // namespace

result<void> export_archive(const plan& all, const std::string& core, const std::string& path) {
  auto target = all.target;
  target.may_write = target.may_create = false;
  auto store = session::open(target, all.is_json);
  return store ? export_core(**store, core, path) : fail(store.error());
}

} // namespace corestore::programs
