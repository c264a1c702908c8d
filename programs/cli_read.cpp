// Verbs that address single blocks and bytes: get, seek, bytes.
#include <limits>

#include <fmt/format.h>

#include "programs/cli.hpp"
#include "programs/page_reader.hpp"
#include "programs/record_text.hpp"

namespace corestore::programs {

namespace {

struct read_options {
  std::string core;
  std::uint64_t index = 0;
  std::uint64_t wait_ms = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = std::numeric_limits<std::uint64_t>::max();
};

result<void> get(session& store, const read_options& options) {
  auto core = store.open_core(options.core, options.wait_ms > 0);
  if (!core)
    return fail(core.error());
  auto block = store.ask_for<shared_bytes>(options.wait_ms, core->handle, fetch_atom_v, options.index, options.wait_ms);
  if (!block) {
    auto code = block.error().code;
    if (code == ec::block_not_available || code == ec::timed_out || code == ec::not_found)
      return fail(code, fmt::format("block {} of {} is not here (length {}){}", options.index, options.core,
                                    core->record.length,
                                    options.wait_ms > 0 ? "" : "; --wait MS asks the connected peers for it"));
    return fail(block.error());
  }
  return store.out().write(block->view()).and_then([&store] { return store.out().flush(); });
}

result<void> seek(session& store, const read_options& options) {
  auto core = store.open_core(options.core, options.wait_ms > 0);
  if (!core)
    return fail(core.error());
  auto found =
    store.ask_for<seek_position>(options.wait_ms, core->handle, seek_atom_v, options.offset, options.wait_ms);
  return found.and_then([&store](const seek_position& position) {
    if (store.is_json())
      return store.out().line(to_line({{"index", position.index}, {"offset", position.offset}}));
    return store.out().line(fmt::format("index {}  offset {}", position.index, position.offset));
  });
}

/// Prints `left` bytes from `position` on, as far as the core goes.
result<void> print_bytes(session& store, page_reader& pages, seek_position position, std::uint64_t left) {
  auto skip = position.offset;
  while (left > 0) {
    auto page = pages.next();
    if (!page)
      return fail(page.error());
    if (page->blocks.empty())
      break;
    for (const auto& block : page->blocks) {
      auto value = block.value.view();
      value = value.subspan(std::min<std::uint64_t>(skip, value.size()));
      skip = 0;
      value = value.first(std::min<std::uint64_t>(left, value.size()));
      left -= value.size();
      if (auto written = store.out().write(value); !written)
        return written;
    }
  }
  return store.out().flush();
}

result<void> bytes_of(session& store, const read_options& options) {
  auto core = store.open_core(options.core, false);
  if (!core)
    return fail(core.error());
  const auto& record = core->record;
  if (options.offset > record.byte_length)
    return fail(ec::not_found, fmt::format("byte {} is past the end of {} ({} bytes)", options.offset, options.core,
                                           record.byte_length));
  auto left = std::min(options.length, record.byte_length - options.offset);
  if (left == 0)
    return {};
  auto position = store.ask<seek_position>(core->handle, seek_atom_v, options.offset, std::uint64_t{0});
  if (!position)
    return fail(position.error());
  page_reader pages{store, core->handle, position->index, record.length};
  return print_bytes(store, pages, *position, left);
}

} // namespace

void add_get(CLI::App& app, plan& chosen) {
  auto options = std::make_shared<read_options>();
  auto* verb = app.add_subcommand("get", "Write one block's bytes to standard output");
  verb->add_option("CORE", options->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("INDEX", options->index, "Index of the block")->required();
  verb->add_option("--wait", options->wait_ms, "Milliseconds to wait for peers to deliver it");
  verb->callback([&chosen, options] {
    chosen.target.may_write = chosen.target.may_create = options->wait_ms > 0;
    chosen.run = [options](session& store) {
      return get(store, *options);
    };
  });
}

void add_seek(CLI::App& app, plan& chosen) {
  auto options = std::make_shared<read_options>();
  auto* verb = app.add_subcommand("seek", "Print the block that holds a byte position");
  verb->add_option("CORE", options->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("BYTES", options->offset, "Byte position from the start of the core")->required();
  verb->add_option("--wait", options->wait_ms, "Milliseconds to wait for peers");
  verb->callback([&chosen, options] {
    chosen.target.may_write = chosen.target.may_create = options->wait_ms > 0;
    chosen.run = [options](session& store) {
      return seek(store, *options);
    };
  });
}

void add_bytes(CLI::App& app, plan& chosen) {
  auto options = std::make_shared<read_options>();
  auto* verb = app.add_subcommand("bytes", "Write a range of the core's bytes to standard output");
  verb->add_option("CORE", options->core, "Key, discovery key, name:NAME or default")->required();
  verb->add_option("--offset", options->offset, "First byte (0)");
  verb->add_option("--length", options->length, "Number of bytes (up to the end)");
  verb->callback([&chosen, options] {
    chosen.target.may_write = chosen.target.may_create = false;
    chosen.run = [options](session& store) {
      return bytes_of(store, *options);
    };
  });
}

} // namespace corestore::programs
