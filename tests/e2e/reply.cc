#include "e2e/reply.h"

#include <fmt/format.h>

#include <charconv>

namespace flashdb::e2e {
namespace {

using Type = Reply::Type;

// One pass over the bytes received so far.
class Parser {
 public:
  enum class Result : uint8_t { kWhole, kPartial, kBroken };

  explicit Parser(std::string_view input) : rest_(input) {}
  std::string_view rest() const { return rest_; }
  Result Parse(Reply& reply);

 private:
  Result ParseBulk(std::string_view length_text, Type type, Reply& reply);
  Result ParseElements(std::string_view count_text, Type type, Reply& reply);
  static Result ParseInteger(std::string_view text, int64_t& value);

  std::string_view rest_;
};

Parser::Result Parser::ParseInteger(std::string_view text, int64_t& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? Result::kWhole : Result::kBroken;
}

Parser::Result Parser::ParseBulk(std::string_view length_text, Type type, Reply& reply) {
  int64_t length = 0;
  if (ParseInteger(length_text, length) != Result::kWhole || length < -1) return Result::kBroken;
  reply.type = length == -1 ? Type::kNull : type;
  if (length == -1) return Result::kWhole;
  const size_t size = static_cast<size_t>(length);
  if (rest_.size() < size + 2) return Result::kPartial;
  if (rest_.substr(size, 2) != "\r\n") return Result::kBroken;
  reply.str = rest_.substr(0, size);
  rest_.remove_prefix(size + 2);
  return Result::kWhole;
}

Parser::Result Parser::ParseElements(std::string_view count_text, Type type, Reply& reply) {
  int64_t count = 0;
  if (ParseInteger(count_text, count) != Result::kWhole || count < -1) return Result::kBroken;
  reply.type = count == -1 ? Type::kNull : type;
  if (type == Type::kMap) count *= 2;
  for (int64_t i = 0; i < count; ++i) {
    Result result = Parse(reply.elements.emplace_back());
    if (result != Result::kWhole) return result;
  }
  return Result::kWhole;
}

Parser::Result Parser::Parse(Reply& reply) {
  const size_t end = rest_.find("\r\n");
  if (end == std::string_view::npos) return Result::kPartial;
  if (end == 0) return Result::kBroken;
  const char mark = rest_.front();
  const std::string_view text = rest_.substr(1, end - 1);
  rest_.remove_prefix(end + 2);
  auto simple = [&](Type type) {
    reply.type = type;
    reply.str = text;
    return Result::kWhole;
  };
  switch (mark) {
    case '+':
      return simple(Type::kStatus);
    case '-':
      return simple(Type::kError);
    case ',':
      return simple(Type::kDouble);
    case '(':
      return simple(Type::kBigNumber);
    case '_':
      reply.type = Type::kNull;
      return text.empty() ? Result::kWhole : Result::kBroken;
    case '#':
      reply.type = Type::kBool;
      reply.integer = text == "t";
      return text == "t" || text == "f" ? Result::kWhole : Result::kBroken;
    case ':':
      reply.type = Type::kInteger;
      return ParseInteger(text, reply.integer);
    case '$':
      return ParseBulk(text, Type::kString, reply);
    case '=':
      return ParseBulk(text, Type::kVerbatim, reply);
    case '!':
      return ParseBulk(text, Type::kBulkError, reply);
    case '*':
      return ParseElements(text, Type::kArray, reply);
    case '~':
      return ParseElements(text, Type::kSet, reply);
    case '>':
      return ParseElements(text, Type::kPush, reply);
    case '%':
      return ParseElements(text, Type::kMap, reply);
    default:
      return Result::kBroken;
  }
}

std::string Quoted(std::string_view bytes) {
  std::string text = "\"";
  for (unsigned char c : bytes) {
    if (c == '"' || c == '\\') {
      text += fmt::format("\\{}", static_cast<char>(c));
    } else if (c >= 0x20 && c < 0x7f) {
      text += static_cast<char>(c);
    } else {
      text += fmt::format("\\x{:02x}", c);
    }
  }
  return text + "\"";
}

std::string Listed(const Reply& reply) {
  std::string text;
  for (size_t i = 0; i < reply.elements.size(); ++i) {
    if (i != 0) text += reply.type == Type::kMap && i % 2 == 1 ? " => " : ", ";
    text += ToString(reply.elements[i]);
  }
  return text;
}

}  // namespace

std::string ToString(const Reply& reply) {
  switch (reply.type) {
    case Type::kNone:
      return "(no reply: " + reply.str + ")";
    case Type::kStatus:
      return reply.str;
    case Type::kError:
    case Type::kBulkError:
      return "(error) " + reply.str;
    case Type::kInteger:
      return fmt::format("(integer) {}", reply.integer);
    case Type::kString:
    case Type::kVerbatim:
      return Quoted(reply.str);
    case Type::kNull:
      return "(nil)";
    case Type::kDouble:
      return "(double) " + reply.str;
    case Type::kBigNumber:
      return "(big number) " + reply.str;
    case Type::kBool:
      return reply.integer != 0 ? "(true)" : "(false)";
    case Type::kArray:
      return "[" + Listed(reply) + "]";
    case Type::kSet:
      return "(set) [" + Listed(reply) + "]";
    case Type::kPush:
      return "(push) [" + Listed(reply) + "]";
    case Type::kMap:
      return "{" + Listed(reply) + "}";
  }
  return "(unknown type)";
}

void PrintTo(const Reply& reply, std::ostream* out) { *out << ToString(reply); }

const Reply& At(const Reply& map, std::string_view key) {
  static const Reply kNothing;
  for (size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i].str == key) return map.elements[i + 1];
  }
  return kNothing;
}

std::optional<Reply> TakeReply(std::string_view& input) {
  Parser parser(input);
  Reply reply;
  switch (parser.Parse(reply)) {
    case Parser::Result::kPartial:
      return std::nullopt;
    case Parser::Result::kWhole:
      input = parser.rest();
      return reply;
    case Parser::Result::kBroken:
      break;
  }
  Reply broken{Type::kNone, "not RESP: " + Quoted(input.substr(0, 200)), 0, {}};
  input = {};
  return broken;
}

}  // namespace flashdb::e2e
