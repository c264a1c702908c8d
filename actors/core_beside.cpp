// What a core and its peers do beside the log: extensions, pushes, switches, and the proof that the log has two
// histories.
#include <algorithm>
#include <chrono>

#include <caf/all.hpp>

#include "actors/core.hpp"
#include "actors/evidence.hpp"
#include "base/limits.hpp"

namespace corestore::actors {

namespace {

/// Extension messages that listeners have not digested, before their sender is not listened to any further.
constexpr std::size_t undigested_max = 64;

/// A listener that does not answer for that long does not hold its peers up any more.
constexpr std::chrono::seconds digest_patience{30};

caf::error check(const std::string& extension) {
  if (extension.empty() || extension.size() > limits::extension_name_bytes_max)
    return make_error(ec::bad_argument, "the name of an extension has 1 to " +
                                          std::to_string(limits::extension_name_bytes_max) + " bytes");
  return {};
}

toggle as_toggle(bool is_on) {
  return is_on ? toggle::on : toggle::off;
}

} // namespace

bool core_state::beside_state::is_idle() const {
  return switches == switch_states{} && waiting.empty() &&
         std::all_of(listeners.begin(), listeners.end(), [](const auto& known) { return known.is_of_store; });
}

// -- extensions

caf::result<bool> core_state::extend(const std::string& extension, const extension_sink& sink, bool is_of_store) {
  if (auto failure = check(extension))
    return failure;
  if (!sink)
    return make_error(ec::bad_argument, "nobody to tell");
  auto is_it = [&](const extension_listener& known) {
    return known.name == extension && known.sink == sink;
  };
  auto& listeners = beside_.use().listeners;
  if (auto known = std::find_if(listeners.begin(), listeners.end(), is_it); known != listeners.end()) {
    known->is_of_store = known->is_of_store && is_of_store;
    return false;
  }
  if (listeners.size() >= limits::extension_listeners_max || !replicator_.add_extension(extension))
    return make_error(ec::limit_exceeded, "too many extensions of one core");
  self_->monitor(sink);
  listeners.push_back({extension, sink, is_of_store});
  return true;
}

bool core_state::retract(const std::string& extension, const caf::actor_addr& sink) {
  auto is_it = [&](const extension_listener& known) {
    return (extension.empty() || known.name == extension) && known.sink.address() == sink;
  };
  std::vector<std::string> left;
  for (const auto& known : beside_.look().listeners)
    if (is_it(known))
      left.push_back(known.name);
  if (left.empty())
    return false;
  auto& listeners = beside_.use().listeners;
  std::erase_if(listeners, is_it);
  for (const auto& one : left) {
    self_->demonitor(sink);
    if (std::none_of(listeners.begin(), listeners.end(), [&](const auto& known) { return known.name == one; }))
      replicator_.remove_extension(one);
  }
  tell_quiet();
  return true;
}

/// Every listener gets it; the peer is listened to again when all have digested enough.
void core_state::tell_listeners(replication::extension_received fact) {
  const auto& attached = links_.look().attached;
  auto session = attached.find(fact.peer);
  if (session == attached.end())
    return;
  extension_event event;
  event.key = log_.header.key;
  event.discovery = log_.header.discovery;
  event.session = session->second.session_id;
  event.public_key = session->second.public_key;
  event.name = std::move(fact.name);
  event.payload = std::move(fact.payload);
  for (const auto& listener : beside_.look().listeners) {
    if (listener.name != event.name)
      continue;
    ++beside_.use().waiting[fact.peer].events;
    self_->request(listener.sink, digest_patience, event)
      .then([this, peer = fact.peer](bool) { digested(peer); },
            [this, peer = fact.peer](const caf::error&) { digested(peer); });
  }
}

void core_state::digested(replication::peer_id peer) {
  auto* beside = beside_.find();
  if (beside == nullptr)
    return;
  auto found = beside->waiting.find(peer);
  if (found == beside->waiting.end())
    return;
  auto& [events, inputs] = found->second;
  if (--events < undigested_max && inputs > 0 && links_.look().attached.contains(peer))
    links_.use().outputs[peer].inputs_done += std::exchange(inputs, 0);
  if (events == 0)
    beside->waiting.erase(found);
  settle();
}

/// Called once for each input of a peer: tells its session that there is room for another one, now or later.
void core_state::acknowledge(replication::peer_id peer) {
  if (auto* beside = beside_.find()) {
    auto found = beside->waiting.find(peer);
    if (found != beside->waiting.end() && found->second.events >= undigested_max) {
      ++found->second.inputs;
      return;
    }
  }
  ++links_.use().outputs[peer].inputs_done;
}

caf::result<std::uint64_t> core_state::send(const extension_message& message) {
  if (auto failure = check(message.name))
    return failure;
  if (message.payload.size() > limits::block_bytes_max)
    return make_error(ec::bad_argument, "a message has at most " + std::to_string(limits::block_bytes_max) + " bytes");
  std::uint64_t count = 0;
  const auto& attached = links_.look().attached;
  if (message.session == 0 && !attached.empty())
    count = replicator_->send_extension(0, message.name, message.payload);
  for (const auto& [peer, link] : attached)
    if (message.session != 0 && link.session_id == message.session)
      count += replicator_->send_extension(peer, message.name, message.payload);
  settle();
  return count;
}

// -- pushes and switches

caf::result<std::uint64_t> core_state::push(std::uint64_t index) {
  if (!log_.bits.test(index))
    return make_error(ec::block_not_available, "block " + std::to_string(index) + " is not stored here");
  std::uint64_t count = 0;
  if (!links_.look().attached.empty())
    if (auto done = reading([&](const log::log_source& source) { count = replicator_->push(index, source, now_ms()); });
        !done)
      return to_caf(done.error());
  settle();
  return count;
}

caf::result<core_switches> core_state::switch_to(const core_switches& wanted) {
  auto is_meant = [&](const peer_link& link) {
    return wanted.session == 0 || link.session_id == wanted.session;
  };
  const auto& attached = links_.look().attached;
  if (wanted.session != 0 &&
      std::none_of(attached.begin(), attached.end(), [&](const auto& entry) { return is_meant(entry.second); }))
    return make_error(ec::not_found, "no such session carries this core");
  ++around_->counted->guards.core_switches;
  auto& ours = beside_.use().switches;
  if (wanted.session == 0) {
    ours.may_upload = after(wanted.upload, ours.may_upload);
    ours.may_download = after(wanted.download, ours.may_download);
  }
  auto allows_push = after(wanted.allow_push, ours.allows_push);
  auto is_push_only = after(wanted.push_only, ours.is_push_only);
  auto done = reading([&](const log::log_source& source) {
    for (auto& [peer, link] : links_.use().attached) {
      if (!is_meant(link))
        continue;
      if (wanted.session != 0) {
        link.switched.may_upload = after(wanted.upload, link.switched.may_upload);
        link.switched.may_download = after(wanted.download, link.switched.may_download);
      }
      auto options = options_of(link);
      replicator_->set_transfers(peer, options.may_upload, options.may_download, source, now_ms());
    }
    if (allows_push != std::exchange(ours.allows_push, allows_push))
      replicator_->set_allow_push(allows_push, source, now_ms());
    if (is_push_only != std::exchange(ours.is_push_only, is_push_only))
      replicator_->set_push_only(is_push_only, source, now_ms());
    if (wanted.active == toggle::off && std::exchange(is_held_, false))
      replicator_->set_downloading(false, source, now_ms());
  });
  if (!done)
    return to_caf(done.error());
  if (wanted.active == toggle::on)
    hold();
  settle();
  return switches(wanted.session);
}

void core_state::switch_connection(replication::peer_id peer, bool may_upload, bool may_download) {
  auto* links = links_.find();
  if (links == nullptr)
    return;
  auto found = links->attached.find(peer);
  if (found == links->attached.end())
    return;
  auto& link = found->second;
  link.options.may_upload = may_upload;
  link.options.may_download = may_download;
  auto options = options_of(link);
  std::ignore = reading([&](const log::log_source& source) {
    replicator_->set_transfers(peer, options.may_upload, options.may_download, source, now_ms());
  });
  settle();
}

core_switches core_state::switches(std::uint64_t session) const {
  const auto& attached = links_.look().attached;
  auto link = std::find_if(attached.begin(), attached.end(),
                           [session](const auto& entry) { return entry.second.session_id == session; });
  auto is_one = session != 0 && link != attached.end();
  const auto& ours = beside_.look().switches;
  core_switches answer;
  answer.upload = as_toggle(is_one ? options_of(link->second).may_upload : ours.may_upload);
  answer.download = as_toggle(is_one ? options_of(link->second).may_download : ours.may_download);
  answer.active = as_toggle(is_held_);
  answer.allow_push = as_toggle(ours.allows_push);
  answer.push_only = as_toggle(ours.is_push_only);
  answer.session = session;
  return answer;
}

/// A switch never allows what the connection itself forbids, and nothing of a fenced core is served (core_fence.cpp).
replication::peer_options core_state::options_of(const peer_link& link) const {
  auto options = link.options;
  const auto& ours = beside_.look().switches;
  options.may_upload = options.may_upload && link.switched.may_upload && ours.may_upload && !log_.header.fence;
  options.may_download = options.may_download && link.switched.may_download && ours.may_download;
  return options;
}

// -- two histories

void core_state::freeze(const replication::conflict_found& fact) {
  auto frozen = new_header_ ? *new_header_ : log_.header;
  frozen.is_frozen = true;
  new_header_ = frozen;
  auto event = event_of(event_kind::conflict);
  if (fact.evidence.upgrade) {
    event.length = fact.evidence.upgrade->length;
    event.fork = fact.evidence.fork;
  }
  if (fact.ours)
    new_evidence_ = encode_evidence(log_.header, *fact.ours, fact.evidence);
  publish(event);
  if (auto* links = links_.find())
    for (const auto& [peer, session] : links->attached)
      links->outputs[peer].is_idle = true;
}

caf::result<conflict_record> core_state::evidence() const {
  conflict_record answer;
  answer.is_found = log_.header.is_frozen;
  if (!answer.is_found)
    return answer;
  auto opened = around_->backend->open_snapshot();
  if (!opened)
    return to_caf(opened.error());
  auto kept = (*opened)->user_data(log_.header.number, evidence_entry);
  if (!kept)
    return to_caf(kept.error());
  if (!*kept)
    return answer;
  auto checked = check_evidence(**kept, log_.header.key);
  if (!checked)
    return to_caf(checked.error());
  return *checked;
}

} // namespace corestore::actors
