#include "http/fields.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "base/text.hpp"

namespace corestore::http {

namespace {

auto expected(std::string_view what, std::string_view kind) {
  return fail(ec::bad_argument, std::string{what} + " is " + std::string{kind});
}

} // namespace

result<fields> fields::parse(std::string_view text, std::initializer_list<std::string_view> known) {
  fields parsed;
  parsed.object_ = nlohmann::json::object();
  if (text.empty())
    return parsed;
  parsed.object_ = nlohmann::json::parse(text, nullptr, false);
  if (parsed.object_.is_discarded())
    return fail(ec::bad_argument, "the body is no JSON");
  if (!parsed.object_.is_object())
    return fail(ec::bad_argument, "the body is no JSON object");
  for (const auto& [name, value] : parsed.object_.items())
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail(ec::bad_argument, "there is no field `" + name.substr(0, 40) + "` here");
  return parsed;
}

const nlohmann::json* fields::find(std::string_view name) const {
  auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

result<std::uint64_t> read_whole(std::string_view what, const nlohmann::json& value) {
  bool is_whole = value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
  if (is_whole && value.get<std::uint64_t>() <= limits::safe_integer_max)
    return value.get<std::uint64_t>();
  return expected(what, "a whole number from 0 to 9007199254740991");
}

result<std::optional<std::uint64_t>> fields::number(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr)
    return std::nullopt;
  return read_whole(name, *value).map([](std::uint64_t number) { return std::optional{number}; });
}

result<std::uint64_t> fields::number(std::string_view name, std::uint64_t fallback) const {
  return number(name).map([fallback](std::optional<std::uint64_t> given) { return given.value_or(fallback); });
}

result<std::uint64_t> fields::needed_number(std::string_view name) const {
  const auto* value = find(name);
  return value == nullptr ? expected(name, "missing") : read_whole(name, *value);
}

result<std::optional<bool>> fields::truth(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr)
    return std::nullopt;
  if (!value->is_boolean())
    return expected(name, "true or false");
  return value->get<bool>();
}

result<toggle> fields::toggled(std::string_view name) const {
  return truth(name).map([](std::optional<bool> given) {
    return !given ? toggle::keep : *given ? toggle::on : toggle::off;
  });
}

result<std::optional<std::string>> fields::text(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr)
    return std::nullopt;
  if (!value->is_string())
    return expected(name, "a string");
  return value->get<std::string>();
}

result<std::vector<std::string>> fields::texts(std::string_view name) const {
  std::vector<std::string> elements;
  const auto* value = find(name);
  if (value == nullptr)
    return elements;
  if (!value->is_array())
    return expected(name, "a list of strings");
  for (const auto& element : *value) {
    if (!element.is_string())
      return expected(name, "a list of strings");
    elements.push_back(element.get<std::string>());
  }
  return elements;
}

result<bytes> read_key_bytes(std::string_view what, const nlohmann::json& value, std::size_t size) {
  if (value.is_string()) {
    const auto& given = value.get_ref<const std::string&>();
    if (auto raw = text::from_hex(given); raw && raw->size() == size)
      return std::move(*raw);
    if (size == hash32::size)
      if (auto id = text::parse_key<hash32>(given))
        return to_bytes(id->view());
  }
  return expected(what, std::to_string(2 * size) + " hex digits");
}

} // namespace corestore::http
