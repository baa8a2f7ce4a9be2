// Nanoseconds per command of RequestParser: GET and SET with keys of 16 bytes and values of 32, in
// inputs of one command and of 64 as pipelines bring them, and a command cut into two pieces.
#include <benchmark/benchmark.h>

#include <string>

#include "resp/request_parser.h"

namespace flashdb {
namespace {

const std::string kGet = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n";
const std::string kSet =
    "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$32\r\n" + std::string(32, 'v') + "\r\n";

void ParseAll(benchmark::State& state, const std::string& command) {
  std::string input;
  for (int64_t i = 0; i < state.range(0); ++i) input += command;
  RequestParser parser;
  RequestLimits limits;
  Args args;
  for (auto _ : state) {
    std::string_view left = input;
    size_t consumed = 0;
    while (!left.empty()) {
      benchmark::DoNotOptimize(parser.Parse(left, limits, &args, &consumed));
      left.remove_prefix(consumed);
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void ParseGet(benchmark::State& state) { ParseAll(state, kGet); }
void ParseSet(benchmark::State& state) { ParseAll(state, kSet); }

void ParseSetInTwoPieces(benchmark::State& state) {
  RequestParser parser;
  RequestLimits limits;
  Args args;
  std::string_view command = kSet;
  size_t consumed = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        parser.Parse(command.substr(0, command.size() / 2), limits, &args, &consumed));
    benchmark::DoNotOptimize(parser.Parse(command, limits, &args, &consumed));
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(ParseGet)->Arg(1)->Arg(64);
BENCHMARK(ParseSet)->Arg(1)->Arg(64);
BENCHMARK(ParseSetInTwoPieces);

}  // namespace
}  // namespace flashdb

BENCHMARK_MAIN();
