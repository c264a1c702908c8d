#include "programs/bench/plot.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

namespace corestore::bench {

namespace {

constexpr std::array<const char*, 6> colours{"#1f6feb", "#d1242f", "#1a7f37", "#8250df", "#bf8700", "#0a7ea4"};
constexpr double width = 760;
constexpr double height = 300;
constexpr double left = 80;
constexpr double bottom = 40;
constexpr double top = 14;
constexpr std::size_t points_max = 300;

std::string escaped(std::string_view text) {
  std::string safe;
  for (auto letter : text) {
    switch (letter) {
    case '<':
      safe += "&lt;";
      break;
    case '>':
      safe += "&gt;";
      break;
    case '&':
      safe += "&amp;";
      break;
    case '"':
      safe += "&quot;";
      break;
    default:
      safe += letter;
    }
  }
  return safe;
}

/// One axis: from values to places.
struct axis {
  double low = 0;
  double high = 1;
  bool is_logarithmic = false;

  void include(double value) {
    if (is_logarithmic && value <= 0)
      return;
    auto placed = is_logarithmic ? std::log10(value) : value;
    if (is_empty) {
      low = high = placed;
      is_empty = false;
    }
    low = std::min(low, placed);
    high = std::max(high, placed);
  }
  void widen() {
    if (!is_logarithmic)
      low = std::min(low, 0.0);
    if (is_logarithmic) {
      low = std::floor(low);
      high = std::ceil(high);
    }
    if (high <= low)
      high = low + 1;
  }
  [[nodiscard]] double share(double value) const {
    auto placed = is_logarithmic ? std::log10(std::max(value, 1e-12)) : value;
    return std::clamp((placed - low) / (high - low), 0.0, 1.0);
  }
  [[nodiscard]] std::vector<double> marks() const {
    std::vector<double> values;
    if (is_logarithmic)
      for (auto power = low; power <= high + 1e-9; power += 1)
        values.push_back(std::pow(10.0, power));
    else
      for (int part = 0; part <= 5; ++part)
        values.push_back(low + (high - low) * part / 5);
    return values;
  }

  bool is_empty = true;
};

std::string field_text(const json& value) {
  if (value.is_string())
    return value.get<std::string>();
  if (!value.is_object())
    return value.dump();
  std::string text;
  for (const auto& [name, part] : value.items())
    text += fmt::format("{}={} ", name, part.dump());
  return text;
}

std::string table_of(const std::vector<json>& lines) {
  std::vector<std::string> fields;
  for (const auto& line : lines)
    for (const auto& [name, value] : line.items())
      if (std::find(fields.begin(), fields.end(), name) == fields.end())
        fields.push_back(name);
  std::string html = "<table>\n";
  for (const auto& field : fields) {
    html += fmt::format("<tr><th>{}</th>", escaped(field));
    for (const auto& line : lines)
      html += fmt::format("<td>{}</td>", line.contains(field) ? escaped(field_text(line[field])) : "");
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

/// Latencies at shares from a half to one in ten thousand.
std::vector<std::pair<double, double>> tail_of(const histogram& latency) {
  std::vector<std::pair<double, double>> points;
  for (double share = 0.9; share > 0.00009 && latency.count() > 0; share *= 0.8)
    points.emplace_back(share, latency.percentile_ms(1 - share));
  return points;
}

} // namespace

void plot::add(const json& line, const outcome& measured) {
  lines_.push_back(line);
  auto name = line.value("peer", std::string{"native"});
  latency_.lines.push_back({name, tail_of(measured.latency)});
  rate_.lines.push_back({name, measured.done.rates(points_max)});
  for (const auto& [title, points] : measured.sampled) {
    auto step = std::max<std::size_t>(points.size() / points_max, 1);
    series drawn{name, {}};
    for (std::size_t position = 0; position < points.size(); position += step)
      drawn.points.push_back(points[position]);
    sampled_.push_back({title, "seconds", "", false, {std::move(drawn)}});
  }
}

void plot::add(const json& line) {
  lines_.push_back(without_curves(line));
  series drawn{line.value("peer", std::string{"peer"}), {}};
  for (const auto& [share, field] : {std::pair{0.5, "p50_ms"}, {0.1, "p90_ms"}, {0.01, "p99_ms"}, {0.001, "p99_9_ms"}})
    if (auto value = line.value(field, 0.0); value > 0)
      drawn.points.emplace_back(share, value);
  latency_.lines.push_back(std::move(drawn));
  series rates{line.value("peer", std::string{"peer"}), {}};
  if (line.contains("rates"))
    for (const auto& point : line["rates"])
      rates.points.emplace_back(point.at(0).get<double>(), point.at(1).get<double>());
  rate_.lines.push_back(std::move(rates));
}

std::string plot::to_svg(const chart& drawn) {
  axis across{0, 1, drawn.is_logarithmic};
  axis up{0, 1, drawn.is_logarithmic};
  for (const auto& line : drawn.lines)
    for (const auto& [x, y] : line.points) {
      across.include(x);
      up.include(y);
    }
  if (across.is_empty)
    return {};
  across.widen();
  up.widen();
  // Rare requests are on the right: that is where one looks for the tail.
  auto place_x = [&](double x) {
    auto share = across.share(x);
    return left + (width - left - 20) * (drawn.is_logarithmic ? 1 - share : share);
  };
  auto place_y = [&](double y) {
    return height - bottom - (height - bottom - top) * up.share(y);
  };
  auto svg =
    fmt::format("<h2>{}</h2>\n<svg viewBox=\"0 0 {} {}\" role=\"img\">\n", escaped(drawn.title), width, height);
  for (auto mark : across.marks())
    svg += fmt::format("<line class=\"g\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>"
                       "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4:.4g}</text>\n",
                       place_x(mark), top, height - bottom, height - bottom + 15, mark);
  for (auto mark : up.marks())
    svg += fmt::format("<line class=\"g\" y1=\"{0:.1f}\" y2=\"{0:.1f}\" x1=\"{1}\" x2=\"{2}\"/>"
                       "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.4g}</text>\n",
                       place_y(mark), left, width - 20, left - 6, place_y(mark) + 4, mark);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", (left + width) / 2, height - 6,
                     escaped(drawn.across));
  svg += fmt::format("<text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n", height / 2,
                     escaped(drawn.up));
  std::string legend;
  for (std::size_t position = 0; position < drawn.lines.size(); ++position) {
    const auto& line = drawn.lines[position];
    const auto* colour = colours.at(position % colours.size());
    svg += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"", colour);
    for (const auto& [x, y] : line.points)
      svg += fmt::format("{:.1f},{:.1f} ", place_x(x), place_y(y));
    svg += "\"/>\n";
    legend += fmt::format("<span style=\"color:{}\">&#9644; {}</span> ", colour, escaped(line.name));
  }
  return svg + "</svg>\n<p>" + legend + "</p>\n";
}

std::string plot::to_html() const {
  auto title =
    lines_.empty() ? std::string{"corestore-bench"} : "corestore-bench " + lines_.front().value("workload", "");
  auto html = fmt::format("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\n<style>"
                          "body{{font:14px sans-serif;max-width:900px;margin:2em auto;color:#222;background:#fff}}"
                          "svg{{width:100%;height:auto;font-size:11px}}.g{{stroke:#ddd}}"
                          "th{{text-align:left;padding-right:1em;vertical-align:top}}td{{padding-right:1em}}"
                          "table{{font-size:12px}}</style></head>\n<body>\n<h1>{}</h1>\n",
                          escaped(title), escaped(title));
  html += to_svg(latency_);
  html += to_svg(rate_);
  for (const auto& one : sampled_)
    html += to_svg(one);
  return html + table_of(lines_) + "</body></html>\n";
}

result<void> plot::write(const std::string& path) const {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << to_html();
  file.close();
  return file ? result<void>{} : fail(ec::storage_failed, path + ": " + std::strerror(errno));
}

} // namespace corestore::bench
