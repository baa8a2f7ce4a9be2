#include "cli/demo/redis.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/numbers.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

constexpr size_t kMaxDepth = 8;

class Connection {
 public:
  ~Connection() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  Status Open(uint16_t port) {
    descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit = {.tv_sec = 10, .tv_usec = 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      return OkStatus();
    }
    return absl::UnavailableError(
        fmt::format("no server at 127.0.0.1:{}: {}", port, std::strerror(errno)));
  }

  Status Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return absl::UnavailableError("the connection broke while it was written to");
      text.remove_prefix(static_cast<size_t>(sent));
    }
    return OkStatus();
  }

  Status Receive(std::string& buffer) {
    char data[4096];
    const ssize_t got = recv(descriptor_, data, sizeof data, 0);
    if (got <= 0) return absl::UnavailableError("the connection broke before all replies came");
    buffer.append(data, static_cast<size_t>(got));
    return OkStatus();
  }

 private:
  int descriptor_ = -1;
};

std::string RequestOf(const std::vector<std::string>& words) {
  std::string text = fmt::format("*{}\r\n", words.size());
  for (const std::string& word : words) text += fmt::format("${}\r\n{}\r\n", word.size(), word);
  return text;
}

Status CutShort() { return absl::OutOfRangeError("the reply is not all there"); }

StatusOr<std::string> PrintableBulk(std::string_view bytes, size_t* at, int64_t size) {
  if (size < 0) return std::string("(nil)");
  const auto length = static_cast<size_t>(size);
  if (bytes.size() - *at < length + 2) return CutShort();
  const std::string text = "\"" + Escape(bytes.substr(*at, length)) + "\"";
  *at += length + 2;
  return text;
}

StatusOr<std::string> PrintableArray(std::string_view bytes, size_t* at, int64_t count,
                                     size_t indent) {
  if (count < 0) return std::string("(nil)");
  if (indent > kMaxDepth * 3) return absl::DataLossError("a reply that is nested too deep");
  std::string text;
  for (int64_t i = 0; i < count; ++i) {
    FLASHDB_ASSIGN_OR_RETURN(std::string each, PrintableReply(bytes, at, indent + 3));
    if (i > 0) text += "\n" + std::string(indent, ' ');
    text += fmt::format("{}) {}", i + 1, each);
  }
  return count == 0 ? "(empty array)" : text;
}

}  // namespace

StatusOr<std::string> PrintableReply(std::string_view bytes, size_t* at, size_t indent) {
  const size_t end = bytes.find("\r\n", *at);
  if (end == std::string_view::npos) return CutShort();
  const char kind = bytes[*at];
  const std::string line(bytes.substr(*at + 1, end - *at - 1));
  *at = end + 2;
  if (kind == '+') return line;
  if (kind == '-') return "(error) " + line;
  const auto number = ParseInt64(line);
  if (number && kind == ':') return "(integer) " + line;
  if (number && kind == '$') return PrintableBulk(bytes, at, *number);
  if (number && kind == '*') return PrintableArray(bytes, at, *number, indent);
  return absl::DataLossError(fmt::format("'{}{}' begins no reply", kind, Escape(line)));
}

StatusOr<std::vector<std::string>> RunRedisCommands(
    uint16_t port, const std::vector<std::vector<std::string>>& commands) {
  Connection connection;
  FLASHDB_RETURN_IF_ERROR(connection.Open(port));
  std::string request;
  for (const auto& words : commands) request += RequestOf(words);
  FLASHDB_RETURN_IF_ERROR(connection.Send(request));
  std::string buffer;
  std::vector<std::string> replies;
  for (size_t done = 0; replies.size() < commands.size();) {
    size_t at = done;
    auto reply = PrintableReply(buffer, &at);
    if (absl::IsOutOfRange(reply.status())) {
      FLASHDB_RETURN_IF_ERROR(connection.Receive(buffer));
      continue;
    }
    if (!reply.ok()) return reply.status();
    replies.push_back(*std::move(reply));
    done = at;
  }
  return replies;
}

}  // namespace flashdb::cli
