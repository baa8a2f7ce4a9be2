#include "bench/load/report.h"

#include <fmt/format.h>

namespace flashdb::bench {
namespace {

constexpr std::array<std::string_view, kKinds> kKindNames = {"get", "set", "request"};

double PerSecond(double count, double seconds) { return seconds > 0 ? count / seconds : 0; }

double Micros(uint64_t nanos) { return static_cast<double>(nanos) / 1000; }

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) >= ' ') quoted += c;
  }
  return quoted + '"';
}

std::string JsonPhase(const PhaseTimes& phase) {
  return fmt::format(
      R"("seconds":{:.6f},"commands":{},"per_second":{:.1f},"received_bytes_per_second":{:.0f},)"
      R"("client_cpu":{:.3f},"server_cpu":{:.3f})",
      phase.seconds, phase.commands, PerSecond(static_cast<double>(phase.commands), phase.seconds),
      PerSecond(static_cast<double>(phase.received_bytes), phase.seconds),
      PerSecond(phase.client_cpu_seconds, phase.seconds),
      PerSecond(phase.server_cpu_seconds, phase.seconds));
}

std::string JsonKind(const Histogram& latency, double seconds) {
  return fmt::format(
      R"({{"count":{},"per_second":{:.1f},"p50_us":{:.3f},"p90_us":{:.3f},"p99_us":{:.3f},)"
      R"("p999_us":{:.3f},"max_us":{:.3f}}})",
      latency.count(), PerSecond(static_cast<double>(latency.count()), seconds),
      Micros(latency.Percentile(50)), Micros(latency.Percentile(90)),
      Micros(latency.Percentile(99)), Micros(latency.Percentile(99.9)), Micros(latency.max()));
}

std::string JsonGroup(const Group& group, double seconds) {
  std::string text = fmt::format(R"({{"name":"{}","connections":{},"set_share":{},"misses":{})",
                                 group.name, group.connections, group.set_share, group.misses);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    if (group.latency[kind].count() == 0) continue;
    text += fmt::format(R"(,"{}":{})", kKindNames[kind], JsonKind(group.latency[kind], seconds));
  }
  return text + "}";
}

std::string JsonOptions(const LoadOptions& options) {
  return fmt::format(R"({{"request":{},"connections":{},"readers":{},"writers":{},"pipeline":{},)"
                     R"("set_share":{},"value_size":{},"keys":{}}})",
                     Quoted(options.request), options.connections, options.readers, options.writers,
                     options.pipeline, options.set_share, options.value_size, options.keys);
}

std::string TextPhase(std::string_view name, const PhaseTimes& phase) {
  return fmt::format(
      "{}: {} commands in {:.3f} s, {:.0f} per second, {:.1f} MB/s received; cores used: "
      "client {:.2f}, server {:.2f}\n",
      name, phase.commands, phase.seconds,
      PerSecond(static_cast<double>(phase.commands), phase.seconds),
      PerSecond(static_cast<double>(phase.received_bytes), phase.seconds) / 1e6,
      PerSecond(phase.client_cpu_seconds, phase.seconds),
      PerSecond(phase.server_cpu_seconds, phase.seconds));
}

std::string TextGroup(const Group& group) {
  std::string text;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    const Histogram& latency = group.latency[kind];
    if (latency.count() == 0) continue;
    text += fmt::format(
        "{:8} {:7} {:>10} commands; us: p50 {:.1f}, p90 {:.1f}, p99 {:.1f}, "
        "p99.9 {:.1f}, max {:.1f}\n",
        group.name, kKindNames[kind], latency.count(), Micros(latency.Percentile(50)),
        Micros(latency.Percentile(90)), Micros(latency.Percentile(99)),
        Micros(latency.Percentile(99.9)), Micros(latency.max()));
  }
  if (group.misses > 0) text += fmt::format("{:8} {} keys were not there\n", "", group.misses);
  return text;
}

}  // namespace

std::string JsonReport(const LoadOptions& options, const LoadClient& client,
                       const LoadResult& result) {
  std::string text =
      fmt::format(R"({{"options":{},"errors":{},"first_error":{})", JsonOptions(options),
                  client.errors(), Quoted(client.first_error()));
  if (result.fill) text += fmt::format(R"(,"fill":{{{}}})", JsonPhase(*result.fill));
  if (result.run) {
    text += fmt::format(R"(,"run":{{{},"groups":[)", JsonPhase(*result.run));
    std::string_view comma;
    for (const auto& group : client.groups()) {
      text += comma;
      text += JsonGroup(*group, result.run->seconds);
      comma = ",";
    }
    text += "]}";
  }
  return text + "}\n";
}

std::string TextReport(const LoadClient& client, const LoadResult& result) {
  std::string text;
  if (result.fill) text += TextPhase("fill", *result.fill);
  if (result.run) {
    text += TextPhase("run", *result.run);
    for (const auto& group : client.groups()) text += TextGroup(*group);
  }
  text += fmt::format("errors: {}\n", client.errors());
  return text;
}

}  // namespace flashdb::bench
