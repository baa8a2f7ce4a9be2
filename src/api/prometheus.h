// The text format of Prometheus, version 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace flashdb {

class PrometheusWriter {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  static constexpr std::string_view kType = "text/plain; version=0.0.4; charset=utf-8";

  explicit PrometheusWriter(std::string& out) : out_(out) {}

  /// Begins a family; its samples follow. `type`: counter, gauge or histogram.
  void Family(std::string_view name, std::string_view type, std::string_view help);
  /// A sample of the family begun last. `suffix`: "_bucket", "_sum", "_count" or empty.
  void Sample(Labels labels, double value, std::string_view suffix = {});

  /// A family of one sample.
  void Counter(std::string_view name, std::string_view help, double value);
  void Gauge(std::string_view name, std::string_view help, double value);

 private:
  std::string& out_;
  std::string_view name_;
};

}  // namespace flashdb
