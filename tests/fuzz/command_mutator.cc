#include "tests/fuzz/command_mutator.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "commands/command.h"
#include "resp/inline_split.h"

namespace flashdb::fuzz {
namespace {

using Words = std::vector<std::string>;

constexpr std::array<std::string_view, 6> kKeys = {"a", "b", "c", "d", "h1", "h2"};
constexpr std::array<std::string_view, 38> kValues = {"0",
                                                      "1",
                                                      "-1",
                                                      "2",
                                                      "3",
                                                      "7",
                                                      "8",
                                                      "10",
                                                      "64",
                                                      "100",
                                                      "-2",
                                                      "-5",
                                                      "255",
                                                      "5000",
                                                      "6000",
                                                      "6001",
                                                      "3.5",
                                                      "-0",
                                                      "1e3",
                                                      "1e400",
                                                      "nan",
                                                      "inf",
                                                      "abc",
                                                      "",
                                                      "x y",
                                                      "*",
                                                      "a*",
                                                      "[a-c",
                                                      "f1",
                                                      "f2",
                                                      "f3",
                                                      "9223372036854775807",
                                                      "-9223372036854775808",
                                                      "18446744073709551616",
                                                      "1000000050",
                                                      "1000100000",
                                                      "1000001",
                                                      "@dump:h1"};
constexpr std::array<std::string_view, 50> kOptions = {
    "EX",          "PX",       "EXAT",       "PXAT",    "KEEPTTL", "NX",     "XX",
    "GT",          "LT",       "GET",        "REPLACE", "DB",      "COUNT",  "MATCH",
    "TYPE",        "NOVALUES", "WITHVALUES", "ASYNC",   "SYNC",    "ABSTTL", "IDLETIME",
    "FREQ",        "FIELDS",   "FNX",        "FXX",     "BYTE",    "BIT",    "AND",
    "OR",          "XOR",      "NOT",        "DIFF",    "LEN",     "IDX",    "WITHMATCHLEN",
    "MINMATCHLEN", "OVERFLOW", "WRAP",       "SAT",     "FAIL",    "u8",     "i16",
    "#1",          "SET",      "INCRBY",     "PERSIST", "string",  "hash",   "ON",
    "OFF"};

template <typename T>
const auto& PickFrom(const T& all, Random& random) {
  return all[random.Below(all.size())];
}

std::string RandomWord(Random& random) {
  switch (random.Below(4)) {
    case 0:
      return std::string(PickFrom(kKeys, random));
    case 1:
      return std::string(PickFrom(kOptions, random));
    default:
      return std::string(PickFrom(kValues, random));
  }
}

Words NameOf(const Command& command) {
  const size_t bar = command.name.find('|');
  if (bar == std::string_view::npos) return {std::string(command.name)};
  return {std::string(command.name.substr(0, bar)), std::string(command.name.substr(bar + 1))};
}

Words RandomCommand(Random& random) {
  const Command& command = CommandAt(random.Below(CommandCount()));
  Words words = NameOf(command);
  size_t count = static_cast<size_t>(std::abs(command.arity));
  if (command.arity < 0) count += random.Below(4);
  while (words.size() < count) words.push_back(RandomWord(random));
  ForEachKey(command, words.size(),
             [&](size_t i) { words[i] = std::string(PickFrom(kKeys, random)); });
  return words;
}

bool IsBare(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("_.:{}*@#+-[]").find(c) != std::string_view::npos;
}

std::string Quote(std::string_view word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), &IsBare)) return std::string(word);
  std::string out = "\"";
  for (char c : word) {
    if (IsBare(c) || c == ' ')
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
  }
  return out + "\"";
}

Words Split(std::string_view line) {
  std::string storage;
  Args args;
  if (!SplitInline(line, storage, &args)) return {std::string(line)};
  return {args.begin(), args.end()};
}

std::string Join(const Words& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + Quote(word);
  return line;
}

std::vector<std::string> LinesOf(std::string_view script) {
  std::vector<std::string> lines;
  while (!script.empty()) {
    const size_t end = std::min(script.find('\n'), script.size());
    if (end > 0) lines.emplace_back(script.substr(0, end));
    script.remove_prefix(std::min(end + 1, script.size()));
  }
  return lines;
}

void MutateLine(std::string& line, Random& random, std::string (*any_bytes)(std::string)) {
  Words words = Split(line);
  if (words.empty()) return;
  const size_t at = random.Below(words.size());
  switch (random.Below(6)) {
    case 0: {
      const Words name = NameOf(CommandAt(random.Below(CommandCount())));
      words.erase(words.begin());
      words.insert(words.begin(), name.begin(), name.end());
      break;
    }
    case 1:
      words.insert(words.begin() + static_cast<long>(at) + 1, RandomWord(random));
      break;
    case 2:
      words.erase(words.begin() + static_cast<long>(at));
      break;
    case 3:
      words[at] = any_bytes(words[at]);
      break;
    default:
      if (at > 0) words[at] = RandomWord(random);
  }
  line = Join(words);
}

void InsertLine(std::vector<std::string>& lines, size_t at, Random& random) {
  const uint64_t kind = random.Below(16);
  std::string line;
  if (kind == 0)
    line = fmt::format("@advance {}", random.Below(2) == 0 ? 60 : 200'000);
  else if (kind == 1)
    line = fmt::format("@client {}", random.Below(2));
  else if (kind == 2)
    line = PickFrom(std::array{"MULTI", "EXEC", "DISCARD", "HELLO 3"}, random);
  else
    line = Join(RandomCommand(random));
  lines.insert(lines.begin() + static_cast<long>(at), std::move(line));
}

}  // namespace

std::string MutateScript(std::string_view script, Random& random,
                         std::string (*any_bytes)(std::string word)) {
  std::vector<std::string> lines = LinesOf(script);
  const size_t at = random.Below(lines.size() + 1);
  const uint64_t kind = random.Below(8);
  if (lines.empty() || kind < 3) {
    InsertLine(lines, at, random);
  } else if (kind == 3) {
    lines.erase(lines.begin() + static_cast<long>(random.Below(lines.size())));
  } else if (kind == 4) {
    std::string copy = lines[random.Below(lines.size())];
    lines.insert(lines.begin() + static_cast<long>(at), std::move(copy));
  } else {
    MutateLine(lines[random.Below(lines.size())], random, any_bytes);
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

}  // namespace flashdb::fuzz
