#include "config/settings_file.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "config/keys.hpp"

namespace corestore::config {

namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trim(std::string_view text) {
  auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_comment(std::string_view text) {
  return text.starts_with('#') || text.starts_with(';');
}

/// The position of a comment that ends a bare value: a mark at the start or after a blank.
std::size_t find_comment(std::string_view text) {
  for (std::size_t position = 0; position < text.size(); ++position)
    if (is_comment(text.substr(position)) &&
        (position == 0 || blanks.find(text[position - 1]) != std::string_view::npos))
      return position;
  return text.size();
}

/// Takes `"..."` off the front of `text`.
result<std::string> take_quoted(std::string_view& text) {
  std::string content;
  for (std::size_t position = 1; position < text.size(); ++position) {
    auto c = text[position];
    if (c == '"') {
      text.remove_prefix(position + 1);
      return content;
    }
    if (c == '\\') {
      ++position;
      if (position == text.size() || (text[position] != '"' && text[position] != '\\'))
        return fail(ec::bad_argument, "only \\\" and \\\\ are escapes inside quotes");
      c = text[position];
    }
    content += c;
  }
  return fail(ec::bad_argument, "the closing quote is missing");
}

/// Takes bare text up to a comma (in a list) or a comment off the front of `text`.
result<std::string> take_bare(std::string_view& text, bool is_list) {
  auto end = find_comment(text);
  if (is_list)
    end = std::min(end, text.find(','));
  auto content = trim(text.substr(0, end));
  if (content.find('"') != std::string_view::npos)
    return fail(ec::bad_argument, "a quote inside a value: put the whole value in quotes");
  text.remove_prefix(end);
  return std::string{content};
}

/// The elements of what stands after `=`. Nothing there is an empty list, or one empty element.
result<std::vector<std::string>> split_value(std::string_view text, bool is_list) {
  std::vector<std::string> elements;
  auto rest = trim(text);
  if (is_list && (rest.empty() || is_comment(rest)))
    return elements;
  while (true) {
    auto is_quoted = rest.starts_with('"');
    auto element = is_quoted ? take_quoted(rest) : take_bare(rest, is_list);
    if (!element)
      return fail(std::move(element).error());
    if (is_list && !is_quoted && element->empty())
      return fail(ec::bad_argument, "an element of the list is empty");
    elements.push_back(std::move(*element));
    auto after = trim(rest);
    if (after.empty() || (is_comment(after) && after.data() != rest.data()) || (!is_quoted && is_comment(after)))
      return elements;
    if (!is_list || !after.starts_with(','))
      return fail(ec::bad_argument, "nothing may follow a quoted value");
    rest = trim(after.substr(1));
  }
}

bool is_variable_name(std::string_view text) {
  auto is_part = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_';
  };
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
         std::all_of(text.begin(), text.end(), is_part);
}

/// What stands between `${` and `}`.
result<std::string> look_up(std::string_view inside, const environment& variables) {
  auto mark = inside.find(":-");
  std::string name{inside.substr(0, mark)};
  if (!is_variable_name(name))
    return fail(ec::bad_argument, "'${" + std::string{inside} + "}' is not ${NAME} or ${NAME:-text}");
  auto value = variables ? variables(name) : std::nullopt;
  if (mark != std::string_view::npos)
    return value && !value->empty() ? *value : std::string{inside.substr(mark + 2)};
  if (!value)
    return fail(ec::bad_argument,
                "the environment variable " + name + " is not set; ${" + name + ":-text} gives a default");
  return *value;
}

result<std::string> expand(std::string_view text, const environment& variables) {
  std::string expanded;
  while (!text.empty()) {
    auto dollar = std::min(text.size(), text.find('$'));
    expanded += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.starts_with("$$")) {
      expanded += '$';
      text.remove_prefix(2);
    } else if (text.starts_with("${")) {
      auto end = text.find('}');
      if (end == std::string_view::npos)
        return fail(ec::bad_argument, "the closing } of a variable is missing");
      auto value = look_up(text.substr(2, end - 2), variables);
      if (!value)
        return value;
      expanded += *value;
      text.remove_prefix(end + 1);
    } else if (!text.empty()) {
      expanded += text.front();
      text.remove_prefix(1);
    }
  }
  return expanded;
}

/// What one key was given, over all of its lines.
struct given {
  std::vector<std::string> elements;
  std::size_t line = 0; ///< the last one
};

class reader {
public:
  reader(std::string_view file_name, const environment& variables) : file_name_(file_name), variables_(variables) {
    // nop
  }

  result<void> read_line(std::string_view raw) {
    ++line_;
    auto line = trim(raw);
    if (line.empty() || is_comment(line))
      return {};
    if (line.starts_with('['))
      return open_section(line);
    auto equals = line.find('=');
    if (equals == std::string_view::npos)
      return refuse("", "expected [section], key = value, or a comment");
    return read_key(trim(line.substr(0, equals)), line.substr(equals + 1));
  }

  settings take() {
    return std::move(target_);
  }

private:
  result<void> open_section(std::string_view line) {
    auto close = line.find(']');
    auto after = close == std::string_view::npos ? line : trim(line.substr(close + 1));
    if (close == std::string_view::npos || (!after.empty() && !is_comment(after)))
      return refuse("", "a section is written [name]");
    auto name = trim(line.substr(1, close - 1));
    for (const auto& rule : key_rules())
      if (rule.section == name) {
        section_ = rule.section;
        return {};
      }
    return refuse("", "unknown section [" + std::string{name} + "]");
  }

  result<void> read_key(std::string_view name, std::string_view value) {
    if (section_.empty())
      return refuse(std::string{name}, "a key before the first [section]");
    auto full_name = std::string{section_} + "." + std::string{name};
    const auto* rule = find_rule(section_, name);
    if (rule == nullptr)
      return refuse(full_name, "unknown key");
    auto elements = split_value(value, rule->is_list);
    if (!elements)
      return refuse(full_name, elements.error().detail);
    for (auto& element : *elements) {
      auto expanded = expand(element, variables_);
      if (!expanded)
        return refuse(full_name, expanded.error().detail);
      element = std::move(*expanded);
    }
    auto [earlier, is_first] = given_.try_emplace(full_name);
    auto& all = earlier->second;
    if (!is_first && !rule->is_list)
      return refuse(full_name, "given twice, first on line " + std::to_string(all.line));
    if (!is_first && (elements->empty() || all.elements.empty()))
      return refuse(full_name, "an empty list cannot be repeated");
    all.line = line_;
    all.elements.insert(all.elements.end(), elements->begin(), elements->end());
    return assign(target_, full_name, all.elements, origin());
  }

  [[nodiscard]] std::string origin() const {
    return file_name_ + ":" + std::to_string(line_);
  }

  [[nodiscard]] result<void> refuse(const std::string& key, const std::string& reason) const {
    return fail(ec::bad_argument, origin() + ": " + (key.empty() ? key : key + ": ") + reason);
  }

  std::string file_name_;
  const environment& variables_;
  std::size_t line_ = 0;
  std::string_view section_;
  std::map<std::string, given> given_;
  settings target_;
};

} // namespace

result<settings> parse_settings(std::string_view text, std::string_view file_name, const environment& variables) {
  reader lines{file_name, variables};
  while (!text.empty()) {
    auto end = text.find('\n');
    if (auto done = lines.read_line(text.substr(0, end)); !done)
      return fail(std::move(done).error());
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines.take();
}

result<settings> load_settings(const std::string& path, const environment& variables) {
  errno = 0;
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return fail(ec::bad_argument, path + ": cannot be read: " + std::strerror(errno));
  std::string text(settings_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.gcount() == 0 && !file.eof()))
    return fail(ec::bad_argument, path + ": cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > settings_bytes_max)
    return fail(ec::bad_argument, path + ": longer than 1 MiB");
  return parse_settings(text, path, variables);
}

} // namespace corestore::config
