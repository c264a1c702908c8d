#include "features.hpp"

#include <caf/all.hpp>

#include "log/encryption.hpp"
#include "programs/ask.hpp"

namespace corestore::test {

namespace {

using programs::ask;
using programs::patience;
using programs::patience_with;

template <class Answer, class Handle, class... Content>
Answer call(const caf::scoped_actor& self, const Handle& target, Content&&... content) {
  return need(ask<Answer>(self, target, patience, std::forward<Content>(content)...));
}

json to_json(const append_result& done) {
  return {{"length", done.length}, {"byteLength", done.byte_length}};
}

json to_json(const clear_result& given) {
  return {{"blocks", given.blocks}, {"bytes", given.bytes}};
}

std::string_view name_of(event_kind kind) {
  constexpr std::array<std::string_view, 10> names{"append",      "truncate", "download", "upload", "peer-add",
                                                   "peer-remove", "manifest", "conflict", "closed", "contiguous"};
  return names.at(static_cast<std::size_t>(kind));
}

toggle toggle_of(const json& command, const char* name) {
  if (!command.contains(name))
    return toggle::keep;
  return command.at(name).get<bool>() ? toggle::on : toggle::off;
}

json run_switch(const caf::scoped_actor& self, const core_actor& core, const json& command) {
  core_switches wanted;
  wanted.upload = toggle_of(command, "upload");
  wanted.download = toggle_of(command, "download");
  wanted.active = toggle_of(command, "active");
  wanted.allow_push = toggle_of(command, "allowPush");
  wanted.push_only = toggle_of(command, "pushOnly");
  wanted.session = number(command, "session");
  auto now = call<core_switches>(self, core, switch_atom_v, wanted);
  return {{"upload", now.upload == toggle::on},
          {"download", now.download == toggle::on},
          {"active", now.active == toggle::on},
          {"allowPush", now.allow_push == toggle::on},
          {"pushOnly", now.push_only == toggle::on}};
}

json run_peers(const caf::scoped_actor& self, const core_actor& core) {
  auto list = json::array();
  for (const auto& peer : call<std::vector<core_peer_record>>(self, core, peers_atom_v))
    list.push_back({{"session", peer.session},
                    {"length", peer.length},
                    {"fork", peer.fork},
                    {"contiguousLength", peer.contiguous_length},
                    {"inFlight", peer.in_flight},
                    {"upload", peer.may_upload},
                    {"download", peer.may_download},
                    {"paused", peer.is_paused},
                    {"remoteUploading", peer.is_uploading},
                    {"remoteDownloading", peer.is_downloading},
                    {"remoteAllowsPush", peer.allows_push}});
  return {{"peers", list}};
}

json run_stats(const caf::scoped_actor& self, const core_actor& core) {
  auto stats = call<core_stats>(self, core, stats_atom_v);
  return {{"blocksUploaded", stats.blocks_uploaded},
          {"blocksDownloaded", stats.blocks_downloaded},
          {"requestsSent", stats.transmitted.request},
          {"requestsReceived", stats.received.request},
          {"noDataReceived", stats.received.no_data},
          {"noDataSent", stats.transmitted.no_data},
          {"hotswaps", stats.hotswaps},
          {"backoffs", stats.backoffs},
          {"timeouts", stats.timeouts},
          {"invalidData", stats.invalid_data},
          {"invalidRequests", stats.invalid_requests}};
}

json run_evidence(const caf::scoped_actor& self, const core_actor& core) {
  auto found = call<conflict_record>(self, core, evidence_atom_v);
  return {{"found", found.is_found},
          {"fork", found.fork},
          {"length", found.length},
          {"ourTree", text::to_hex(found.our_tree.view())},
          {"theirTree", text::to_hex(found.their_tree.view())},
          {"proof", text::to_hex(found.proof)}};
}

json run_page(const caf::scoped_actor& self, const core_actor& core, const json& command) {
  auto wait = number(command, "wait");
  auto page = need(ask<block_batch>(self, core, patience_with(wait), read_atom_v, number(command, "start"),
                                    number(command, "end"), number(command, "bytes", 1U << 20U), wait));
  auto list = json::array();
  for (const auto& block : page.blocks)
    list.push_back({{"index", block.index}, {"value", text::to_hex(block.value.view())}});
  return {{"page", list}};
}

json run_download(const caf::scoped_actor& self, const core_actor& core, const json& command) {
  download_request request;
  request.start = number(command, "start");
  request.end = number(command, "end");
  request.is_linear = command.value("linear", false);
  request.token = number(command, "token");
  request.wait_ms = number(command, "wait");
  if (command.contains("indices"))
    request.blocks = command.at("indices").get<std::vector<std::uint64_t>>();
  return {{"done", need(ask<bool>(self, core, patience_with(request.wait_ms), download_atom_v, request))}};
}

json run_keys(const caf::scoped_actor& self, const std::string& verb, const core_actor& core, const json& command) {
  if (verb == "signable")
    return {{"value", text::to_hex(
                        call<bytes>(self, core, signable_atom_v, number(command, "length"), number(command, "fork")))}};
  if (verb == "appendSigned")
    return to_json(
      call<append_result>(self, core, append_atom_v, blocks_of(command), bytes_of(command.at("signature"))));
  auto key = command.contains("key") ? bytes_of(command.at("key")) : bytes{};
  auto schedule = static_cast<std::uint8_t>(number(command, "schedule", 255));
  return {{"encrypted", call<core_record>(self, core, encrypt_atom_v, key, schedule).is_encrypted}};
}

json run_care(const caf::scoped_actor& self, const std::string& verb, const core_actor& core, const json& command) {
  if (verb == "verify")
    return {{"faults", call<verify_report>(self, core, verify_atom_v).faults}};
  if (verb == "repair") {
    auto report = call<repair_report>(self, core, repair_atom_v);
    return {{"blocks", report.blocks}, {"dropped", report.dropped_blocks}};
  }
  if (verb == "mark")
    return {{"done", call<bool>(self, core, mark_atom_v, number(command, "start"), number(command, "end"))}};
  if (verb == "sweep")
    return to_json(call<clear_result>(self, core, sweep_atom_v));
  if (verb == "hash")
    return {{"value", text::to_hex(call<hash32>(self, core, hash_atom_v, number(command, "length")).view())}};
  if (verb == "has")
    return {{"here", call<bool>(self, core, has_atom_v, number(command, "start"), number(command, "end"))}};
  if (verb == "stored")
    return to_json(call<clear_result>(self, core, stats_atom_v, number(command, "start"), number(command, "end")));
  if (verb == "put")
    return {{"changed", call<bool>(self, core, put_atom_v, command.at("name").get<std::string>(),
                                   command.contains("value") ? bytes_of(command.at("value")) : bytes{})}};
  auto kept = call<user_value>(self, core, fetch_atom_v, command.at("name").get<std::string>());
  return {{"set", kept.is_set}, {"value", text::to_hex(kept.value)}};
}

} // namespace

bool features::knows(const std::string& verb) {
  static const std::vector<std::string> verbs{
    "say",      "listen",   "hear",         "push",      "switch",    "peers",      "stats",
    "evidence", "page",     "fetch",        "ranges",    "cancel",    "signable",   "appendSigned",
    "encrypt",  "verify",   "repair",       "mark",      "sweep",     "hash",       "has",
    "stored",   "put",      "user",         "watch",     "view",      "viewAppend", "viewTruncate",
    "viewGet",  "viewInfo", "viewSignable", "viewFlush", "viewClose", "viewCommit"};
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

json features::run(const std::string& verb, const core_actor& core, const json& command) {
  caf::scoped_actor self{system_};
  const auto wait = number(command, "wait");
  if (verb == "say")
    return {{"count", call<std::uint64_t>(self, core, send_atom_v,
                                          extension_message{command.at("name"), bytes_of(command.at("value")),
                                                            number(command, "session")})}};
  if (verb == "push")
    return {{"count", call<std::uint64_t>(self, core, push_atom_v, number(command, "index"))}};
  if (verb == "switch")
    return run_switch(self, core, command);
  if (verb == "peers")
    return run_peers(self, core);
  if (verb == "stats")
    return run_stats(self, core);
  if (verb == "evidence")
    return run_evidence(self, core);
  if (verb == "page")
    return run_page(self, core, command);
  if (verb == "ranges")
    return run_download(self, core, command);
  if (verb == "cancel")
    return {{"done", call<bool>(self, core, cancel_atom_v, number(command, "token"))}};
  if (verb == "fetch")
    return {{"value",
             text::to_hex(need(ask<shared_bytes>(self, core, patience_with(wait), fetch_atom_v,
                                                 fetch_request{number(command, "index"), wait, number(command, "token"),
                                                               command.value("raw", false)}))
                            .view())}};
  if (verb == "signable" || verb == "appendSigned" || verb == "encrypt")
    return run_keys(self, verb, core, command);
  if (verb == "listen" || verb == "watch") {
    caf::actor ear;
    box_of(command.at("store"), ear);
    if (verb == "watch") {
      call<core_record>(self, core, subscribe_atom_v, caf::actor_cast<event_sink>(ear));
      return json::object();
    }
    auto sink = caf::actor_cast<extension_sink>(ear);
    auto name = command.at("name").get<std::string>();
    return {{"changed", command.value("off", false) ? call<bool>(self, core, retract_atom_v, name, sink)
                                                    : call<bool>(self, core, extend_atom_v, name, sink)}};
  }
  if (verb == "hear")
    return hear(command);
  if (verb == "view")
    return open_view(self, core, command);
  if (verb == "viewCommit")
    return commit(self, core, command);
  if (verb.starts_with("view"))
    return run_view(self, verb, command);
  return run_care(self, verb, core, command);
}

json features::listen(const store_actor& store, const json& command) {
  caf::scoped_actor self{system_};
  caf::actor ear;
  box_of(command.at("store"), ear);
  auto sink = caf::actor_cast<extension_sink>(ear);
  auto name = command.at("name").get<std::string>();
  return {{"changed", command.value("off", false) ? call<bool>(self, store, retract_atom_v, name, sink)
                                                  : call<bool>(self, store, extend_atom_v, name, sink)}};
}

void features::forget(const std::string& store) {
  const std::lock_guard lock{mutex_};
  std::erase_if(views_, [&](const auto& entry) { return entry.first.starts_with(store + "/"); });
  if (auto box = boxes_.extract(store); !box.empty())
    caf::anon_send_exit(box.mapped().second, caf::exit_reason::user_shutdown);
}

std::shared_ptr<collected> features::box_of(const std::string& store, caf::actor& ear) {
  const std::lock_guard lock{mutex_};
  auto& [box, known] = boxes_[store];
  if (!box) {
    box = std::make_shared<collected>();
    known = system_.spawn([box = box](caf::event_based_actor*) -> caf::behavior {
      return {[box](const core_event& event) {
                const std::lock_guard guard{box->mutex};
                box->events.push_back(event);
              },
              [box](const extension_event& event) {
                const std::lock_guard guard{box->mutex};
                box->messages.push_back(event);
                return true;
              }};
    });
  }
  ear = known;
  return box;
}

/// What came since the last time.
json features::hear(const json& command) {
  caf::actor ear;
  auto box = box_of(command.at("store"), ear);
  const std::lock_guard guard{box->mutex};
  auto events = json::array();
  for (const auto& event : box->events)
    events.push_back({{"kind", name_of(event.kind)},
                      {"length", event.length},
                      {"fork", event.fork},
                      {"index", event.index},
                      {"size", event.size}});
  auto messages = json::array();
  for (const auto& message : box->messages)
    messages.push_back({{"name", message.name},
                        {"value", text::to_hex(message.payload)},
                        {"session", message.session},
                        {"key", text::to_hex(message.key.view())}});
  box->events.clear();
  box->messages.clear();
  return {{"events", events}, {"messages", messages}};
}

// -- views

checkout_actor features::view_of(const json& command) {
  const std::lock_guard lock{mutex_};
  auto name = command.at("store").get<std::string>() + "/" + command.at("view").get<std::string>();
  auto found = views_.find(name);
  if (found == views_.end())
    fail_with("no such view");
  return found->second;
}

json features::open_view(const caf::scoped_actor& self, const core_actor& core, const json& command) {
  checkout_request request;
  request.length = number(command, "length", request.length);
  request.is_writable = command.value("writable", false);
  auto handle = call<checkout_actor>(self, core, checkout_atom_v, request);
  const std::lock_guard lock{mutex_};
  views_[command.at("store").get<std::string>() + "/" + command.at("view").get<std::string>()] = handle;
  return json::object();
}

json features::run_view(const caf::scoped_actor& self, const std::string& verb, const json& command) {
  auto handle = view_of(command);
  if (verb == "viewAppend")
    return to_json(call<append_result>(self, handle, append_atom_v, blocks_of(command)));
  if (verb == "viewTruncate")
    return to_json(call<append_result>(self, handle, truncate_atom_v, number(command, "length")));
  if (verb == "viewSignable")
    return {{"value", text::to_hex(call<bytes>(self, handle, signable_atom_v))}};
  if (verb == "viewFlush")
    return to_json(call<append_result>(self, handle, flush_atom_v,
                                       command.contains("signature") ? bytes_of(command.at("signature")) : bytes{}));
  if (verb == "viewClose")
    return {{"done", call<bool>(self, handle, close_atom_v)}};
  if (verb == "viewGet") {
    auto wait = number(command, "wait");
    return {{"value", text::to_hex(need(ask<shared_bytes>(self, handle, patience_with(wait), fetch_atom_v,
                                                          number(command, "index"), wait))
                                     .view())}};
  }
  auto record = call<core_record>(self, handle, info_atom_v);
  return {{"length", record.length},
          {"fork", record.fork},
          {"byteLength", record.byte_length},
          {"treeHash", text::to_hex(record.tree_hash.view())}};
}

json features::commit(const caf::scoped_actor& self, const core_actor& core, const json& command) {
  std::vector<checkout_actor> batches;
  for (const auto& name : command.at("views"))
    batches.push_back(view_of({{"store", command.at("store")}, {"view", name}}));
  auto sizes = call<std::vector<append_result>>(self, core, commit_atom_v, batches);
  auto list = json::array();
  for (const auto& size : sizes)
    list.push_back(to_json(size));
  return {{"sizes", list}};
}

} // namespace corestore::test
