#include "config/settings_text.hpp"

#include <string_view>

#include "config/keys.hpp"

namespace corestore::config {

namespace {

/// In quotes when the bare text would be read as something else; a dollar sign doubled.
std::string quote(const std::string& element) {
  auto is_plain = element.find_first_of("\"\\,#;$ \t") == std::string::npos;
  if (is_plain)
    return element;
  std::string quoted = "\"";
  for (auto c : element) {
    if (c == '"' || c == '\\')
      quoted += '\\';
    if (c == '$')
      quoted += '$';
    quoted += c;
  }
  return quoted + '"';
}

} // namespace

std::string print_settings(const settings& what, bool with_secrets) {
  std::string text;
  std::string_view section;
  for (const auto& rule : key_rules()) {
    if (rule.section != section) {
      section = rule.section;
      text += (text.empty() ? "[" : "\n[") + std::string{section} + "]\n";
    }
    std::string value;
    for (const auto& element : rule.print(what)) {
      auto is_hidden = rule.is_secret() && !with_secrets && !element.empty();
      value += (value.empty() ? "" : ", ") + (is_hidden ? "hidden" : quote(element));
    }
    // an empty listen list is written as the word that means it
    if (rule.is_list && value.empty() && rule.name == "listen")
      value = "off";
    text += std::string{rule.name} + " =" + (value.empty() ? "" : " " + value) + "\n";
  }
  return text;
}

} // namespace corestore::config
