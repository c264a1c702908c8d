// Cores: list, open, describe, purge.
#include <caf/all.hpp>

#include "base/text.hpp"
#include "http/fields.hpp"
#include "http/held_core.hpp"
#include "http/manifest_json.hpp"
#include "http/record_json.hpp"
#include "log/namespaces.hpp"
#include "log/twin.hpp"

namespace corestore::http {

namespace {

namespace_id namespace_of(const std::vector<std::string>& names) {
  namespace_id id;
  for (const auto& name : names)
    id = log::child_namespace(id, as_bytes(name));
  return id;
}

/// 9, 10, "both", or nothing: the store's.
result<std::uint8_t> read_generation(const fields& body) {
  const auto* given = body.find("generation");
  if (given == nullptr)
    return std::uint8_t{0};
  if (given->is_string() && *given == "both")
    return log::both_generations;
  auto number = given->is_number() ? given->get<double>() : 0;
  if (number == 9 || number == 10)
    return static_cast<std::uint8_t>(number);
  return fail(ec::bad_argument, "generation is 9, 10 or \"both\"");
}

result<list_request> read_listing(const query& parameters) {
  list_request request;
  auto is_loaded_only = parameters.truth("loaded");
  auto limit = parameters.number("limit", request.limit);
  if (!is_loaded_only || !limit)
    return fail(is_loaded_only ? limit.error() : is_loaded_only.error());
  if (*limit == 0 || *limit > request.limit)
    return fail(ec::bad_argument, "limit is from 1 to " + std::to_string(request.limit));
  auto is_recursive = parameters.truth("recursive");
  if (!is_recursive)
    return fail(is_recursive.error());
  auto names = parameters.all("namespace");
  request.in_namespace = !names.empty();
  request.name_space = namespace_of(names);
  request.is_recursive = *is_recursive;
  request.loaded_only = *is_loaded_only;
  request.limit = static_cast<std::uint32_t>(*limit);
  if (auto after = parameters.find("after")) {
    auto id = text::parse_key<hash32>(*after);
    if (!id)
      return fail(id.error());
    request.after = *id;
  }
  return request;
}

/// Page by page, so that neither side holds a hundred thousand records at once; with a `limit` one page.
outcome list_cores(service& with, exchange& call) {
  auto request = read_listing(call.parameters);
  if (!request)
    return refuse(request.error());
  bool is_one_page = call.parameters.find("limit").has_value();
  bool is_first = true;
  for (;;) {
    auto page = with.asking.ask<record_page>(call.line(), patience, with.store, list_atom_v, *request);
    if (!page)
      return refuse(page.error());
    if (!call.has_begun())
      call.begin(200, "application/json");
    std::string text = is_first ? "{\"cores\":[" : "";
    for (const auto& record : page->records)
      text += (std::exchange(is_first, false) ? "" : ",") + to_line(to_json(record));
    bool is_done = page->is_last || page->records.empty() || is_one_page;
    request->cursor = page->next;
    if (is_done)
      text += page->is_last || page->records.empty()
                ? "]}"
                : "],\"next\":\"" + text::to_hex(page->records.back().discovery.view()) + "\"}";
    if (!call.write(text) || is_done)
      break;
  }
  call.end();
  return {};
}

result<key_pair> read_pair(const nlohmann::json& value) {
  if (!value.is_object() || !value.contains("publicKey") || !value.contains("secretKey"))
    return fail(ec::bad_argument, "keyPair is {publicKey, secretKey}");
  auto open = read_key<public_key>("keyPair.publicKey", value["publicKey"]);
  auto secret = read_key<secret_key>("keyPair.secretKey", value["secretKey"]);
  if (!open || !secret)
    return fail(open ? secret.error() : open.error());
  return key_pair{*open, *secret};
}

/// One of `name`, `default`, `key`, `discoveryKey`; with none of them the key pair or the manifest, or a fresh core.
result<void> read_kind(const fields& body, core_selector& into) {
  auto name = body.text("name");
  auto is_default = body.truth("default");
  if (!name || !is_default)
    return fail(name ? is_default.error() : name.error());
  int given = 0;
  if (*name) {
    ++given;
    into.kind = selector_kind::by_name;
    into.name = **name;
    if (into.name.empty())
      return fail(ec::bad_argument, "name is empty");
  }
  if (is_default->value_or(false)) {
    ++given;
    into.kind = selector_kind::by_default;
  }
  for (auto [field, kind] : {std::pair{"key", selector_kind::by_key}, {"discoveryKey", selector_kind::by_discovery}}) {
    const auto* value = body.find(field);
    if (value == nullptr)
      continue;
    ++given;
    auto id = read_key<hash32>(field, *value);
    if (!id)
      return fail(id.error());
    into.kind = kind;
    into.id = *id;
  }
  if (given > 1)
    return fail(ec::bad_argument, "only one of name, default, key and discoveryKey names a core");
  if (given == 0)
    into.kind = body.find("keyPair") != nullptr    ? selector_kind::by_pair
                : body.find("manifest") != nullptr ? selector_kind::by_manifest
                                                   : selector_kind::at_random;
  return {};
}

result<core_selector> read_selector(const fields& body) {
  core_selector selector;
  auto names = body.texts("namespace");
  if (!names)
    return fail(names.error());
  selector.path = *names; // in generation 9 the way itself names the default core
  if (auto kind = read_kind(body, selector); !kind)
    return fail(kind.error());
  if (const auto* pair = body.find("keyPair")) {
    auto read = read_pair(*pair);
    if (!read)
      return fail(read.error());
    selector.pair = *read;
  }
  if (const auto* manifest = body.find("manifest")) {
    auto read = read_manifest(*manifest);
    if (!read)
      return fail(read.error());
    selector.manifest = std::move(*read);
  }
  auto generation = read_generation(body);
  if (!generation)
    return fail(generation.error());
  selector.generation = *generation;
  if (const auto* encryption = body.find("encryptionKey")) {
    auto key = read_key_bytes("encryptionKey", *encryption, hash32::size);
    if (!key)
      return fail(key.error());
    selector.encryption_key = std::move(*key);
  }
  if (const auto* group = body.find("group")) {
    auto topic = read_key_bytes("group", *group, hash32::size);
    if (!topic)
      return fail(topic.error());
    selector.group = std::move(*topic);
  }
  return selector;
}

outcome open_core(service& with, exchange& call) {
  auto body = fields::parse(call.body, {"name", "default", "key", "discoveryKey", "namespace", "generation", "manifest",
                                        "keyPair", "encryptionKey", "group"});
  if (!body)
    return refuse(body.error());
  auto selector = read_selector(*body);
  if (!selector)
    return refuse(selector.error());
  auto opened = held_core::open(with, call.line(), *selector);
  if (!opened)
    return refuse(opened.error());
  auto record = to_line(to_json(opened->record()));
  opened->keep();
  call.send_json(record);
  return {};
}

outcome describe_core(service& with, exchange& call) {
  auto selector = select_known(call.arguments.front());
  if (!selector)
    return refuse(selector.error());
  auto record = with.asking.ask<core_record>(call.line(), patience, with.store, info_atom_v, *selector);
  if (!record)
    return refuse(record.error());
  call.send_json(to_line(to_json(*record)));
  return {};
}

outcome purge_core(service& with, exchange& call) {
  auto selector = select_known(call.arguments.front());
  if (!selector)
    return refuse(selector.error());
  auto record = with.asking.ask<core_record>(call.line(), patience, with.store, info_atom_v, *selector);
  if (!record)
    return refuse(record.error());
  if (with.kept.drop(record->discovery))
    with.asking.tell<bool>(with.store, close_atom_v, record->discovery);
  auto given_back = with.asking.ask<clear_result>(call.line(), patience, with.store, purge_atom_v, *selector);
  if (!given_back)
    return refuse(given_back.error());
  call.send_json(to_line({{"key", text::to_hex(record->key.view())},
                          {"discoveryKey", text::to_hex(record->discovery.view())},
                          {"blocks", given_back->blocks},
                          {"bytes", given_back->bytes}}));
  return {};
}

} // namespace

void add_core_routes(service& with, std::vector<route>& into) {
  into.push_back({"GET", "/v1/cores", [&with](exchange& call) {
                    return list_cores(with, call);
                  }});
  into.push_back({"POST", "/v1/cores", [&with](exchange& call) { return open_core(with, call); }, body_kind::object});
  into.push_back({"GET", "/v1/cores/{}", [&with](exchange& call) {
                    return describe_core(with, call);
                  }});
  into.push_back({"DELETE", "/v1/cores/{}", [&with](exchange& call) {
                    return purge_core(with, call);
                  }});
}

} // namespace corestore::http
