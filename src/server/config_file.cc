#include "server/config_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "server/config_values.h"

namespace flashdb {
namespace {

constexpr std::string_view kBlanks = " \t\r";

void SkipBlanks(std::string_view& rest) {
  size_t count = rest.find_first_not_of(kBlanks);
  rest.remove_prefix(count == std::string_view::npos ? rest.size() : count);
}

// Takes what follows a backslash in double quotes.
char TakeEscape(std::string_view& rest) {
  if (rest.front() == 'x' && rest.size() >= 3) {
    unsigned char byte = 0;
    auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + 3, byte, 16);
    if (error == std::errc() && end == rest.data() + 3) {
      rest.remove_prefix(3);
      return static_cast<char>(byte);
    }
  }
  char c = rest.front();
  rest.remove_prefix(1);
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// `rest` starts at the opening quote; takes all up to and with the closing one.
StatusOr<std::string> TakeQuoted(std::string_view& rest) {
  const char quote = rest.front();
  rest.remove_prefix(1);
  std::string word;
  while (!rest.empty() && rest.front() != quote) {
    char c = rest.front();
    rest.remove_prefix(1);
    bool escape = c == '\\' && !rest.empty() && (quote == '"' || rest.front() == '\'');
    word += escape ? TakeEscape(rest) : c;
  }
  if (rest.empty()) return absl::InvalidArgumentError(fmt::format("a {} is never closed", quote));
  rest.remove_prefix(1);
  if (!rest.empty() && kBlanks.find(rest.front()) == std::string_view::npos) {
    return absl::InvalidArgumentError(fmt::format("a closing {} must end its word", quote));
  }
  return word;
}

StatusOr<std::string> TakeWord(std::string_view& rest) {
  if (rest.front() == '"' || rest.front() == '\'') return TakeQuoted(rest);
  std::string word(rest.substr(0, rest.find_first_of(kBlanks)));
  rest.remove_prefix(word.size());
  return word;
}

StatusOr<std::string> TakeValue(std::string_view rest) {
  std::string value;
  for (bool first = true; !rest.empty(); first = false) {
    FLASHDB_ASSIGN_OR_RETURN(std::string word, TakeWord(rest));
    value += first ? word : " " + word;
    SkipBlanks(rest);
  }
  return value;
}

Status ReadAll(int fd, const std::string& path, std::string& text) {
  std::array<char, 4096> buffer;
  while (true) {
    ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count == 0) return OkStatus();
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "read the configuration file " + path);
    text.append(buffer.data(), static_cast<size_t>(count));
  }
}

}  // namespace

StatusOr<std::optional<ConfigLine>> ParseConfigLine(std::string_view line) {
  SkipBlanks(line);
  if (line.empty() || line.front() == '#') return std::optional<ConfigLine>();
  ConfigLine result;
  result.name = ToLower(line.substr(0, line.find_first_of(" \t\r=")));
  line.remove_prefix(result.name.size());
  SkipBlanks(line);
  const bool equals_sign = !line.empty() && line.front() == '=';
  if (equals_sign) line.remove_prefix(1);
  SkipBlanks(line);
  if (line.empty() && !equals_sign) {
    return absl::InvalidArgumentError(
        fmt::format("'{0}' has no value: write `{0} VALUE`, or `{0} \"\"` for none", result.name));
  }
  FLASHDB_ASSIGN_OR_RETURN(result.value, TakeValue(line));
  return std::optional<ConfigLine>(std::move(result));
}

StatusOr<std::vector<ConfigLine>> ParseConfigText(std::string_view text, std::string_view path) {
  std::vector<ConfigLine> lines;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    auto parsed = ParseConfigLine(line);
    if (!parsed.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("{}:{}: {}", path, number, MessageOf(parsed.status())));
    }
    if (!parsed->has_value()) continue;
    lines.push_back(**std::move(parsed));
    lines.back().number = number;
  }
  return lines;
}

StatusOr<std::vector<ConfigLine>> ReadConfigFile(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "open the configuration file " + path);
  std::string text;
  Status status = ReadAll(fd, path, text);
  close(fd);
  FLASHDB_RETURN_IF_ERROR(status);
  return ParseConfigText(text, path);
}

}  // namespace flashdb
