#include "api/prometheus.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace flashdb {
namespace {

void AppendLabelValue(std::string& out, std::string_view value) {
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

void AppendValue(std::string& out, double value) {
  // Counts up to 2^53 are exact; shown without an exponent.
  if (std::abs(value) < 9e15 && value == std::floor(value)) {
    fmt::format_to(std::back_inserter(out), "{}", static_cast<int64_t>(value));
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

}  // namespace

void PrometheusWriter::Family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void PrometheusWriter::Sample(Labels labels, double value, std::string_view suffix) {
  out_.append(name_).append(suffix);
  char separator = '{';
  for (const auto& [label, text] : labels) {
    out_ += separator;
    separator = ',';
    out_.append(label).append("=\"");
    AppendLabelValue(out_, text);
    out_ += '"';
  }
  out_ += separator == ',' ? "} " : " ";
  AppendValue(out_, value);
  out_ += '\n';
}

void PrometheusWriter::Counter(std::string_view name, std::string_view help, double value) {
  Family(name, "counter", help);
  Sample({}, value);
}

void PrometheusWriter::Gauge(std::string_view name, std::string_view help, double value) {
  Family(name, "gauge", help);
  Sample({}, value);
}

}  // namespace flashdb
