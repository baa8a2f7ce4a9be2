#include "e2e/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace flashdb::e2e {

namespace {

std::string Format(const std::vector<std::string>& argv) {
  std::vector<const char*> data;
  std::vector<size_t> sizes;
  for (const std::string& argument : argv) {
    data.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  char* bytes = nullptr;
  auto size =
      redisFormatCommandArgv(&bytes, static_cast<int>(argv.size()), data.data(), sizes.data());
  FLASHDB_CHECK(size >= 0, "hiredis could not format a command of {} arguments", argv.size());
  std::string request(bytes, static_cast<size_t>(size));
  redisFreeCommand(bytes);
  return request;
}

Reply Lost(std::string_view why) { return {Reply::Type::kNone, std::string(why), 0, {}}; }

}  // namespace

Client::Client(uint16_t port, Millis timeout) : port_(port), timeout_(timeout) {
  // A failure stays in error(), where the first command finds it.
  (void)Reconnect();
}

void Client::Close() {
  context_.reset();
  input_.clear();
  consumed_ = 0;
  error_ = "closed by the test";
}

Status Client::Reconnect() {
  Close();
  timeval limit = {timeout_.count() / 1000, (timeout_.count() % 1000) * 1000};
  context_.reset(redisConnectWithTimeout("127.0.0.1", port_, limit));
  error_ = context_ == nullptr ? "hiredis: out of memory" : context_->errstr;
  if (error_.empty() && redisSetTimeout(context_.get(), limit) != REDIS_OK) {
    error_ = context_->errstr;
  }
  if (error_.empty()) return OkStatus();
  context_.reset();
  error_ = fmt::format("connect to 127.0.0.1:{}: {}", port_, error_);
  return absl::UnavailableError(error_);
}

Status Client::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!connected()) return absl::UnavailableError(error_);
    ssize_t count = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      Status status = ErrnoStatus(errno, "send");
      error_ = MessageOf(status);
      return status;
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return OkStatus();
}

Status Client::Append(const std::vector<std::string>& argv) { return Send(Format(argv)); }

Reply Client::Command(std::initializer_list<std::string_view> argv) {
  return Command(std::vector<std::string>(argv.begin(), argv.end()));
}

Reply Client::Command(const std::vector<std::string>& argv) {
  Status status = Append(argv);
  return status.ok() ? GetReply() : Lost(MessageOf(status));
}

std::vector<Reply> Client::Pipeline(const std::vector<std::vector<std::string>>& commands) {
  std::string request;
  for (const auto& argv : commands) request += Format(argv);
  Status status = Send(request);
  std::vector<Reply> replies;
  while (status.ok() && replies.size() < commands.size()) {
    replies.push_back(GetReply());
    if (replies.back().lost()) status = absl::UnavailableError(replies.back().str);
  }
  replies.resize(commands.size(), Lost(MessageOf(status)));
  return replies;
}

Status Client::Receive(Deadline deadline) {
  if (!connected()) return absl::UnavailableError(error_);
  auto left = std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
  pollfd readable = {fd(), POLLIN, 0};
  int ready = poll(&readable, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
  if (ready == 0) return absl::DeadlineExceededError("timeout");
  if (ready < 0 && errno == EINTR) return OkStatus();
  std::array<char, 65536> buffer;
  ssize_t count = recv(fd(), buffer.data(), buffer.size(), 0);
  if (count > 0) {
    input_.erase(0, std::exchange(consumed_, 0));
    input_.append(buffer.data(), static_cast<size_t>(count));
    return OkStatus();
  }
  error_ = count == 0 ? "closed by the server" : MessageOf(ErrnoStatus(errno, "receive"));
  return absl::UnavailableError(error_);
}

Reply Client::GetReply() { return GetReply(timeout_); }

Reply Client::GetReply(Millis timeout) {
  const Deadline deadline = DeadlineIn(timeout);
  while (true) {
    std::string_view rest = std::string_view(input_).substr(consumed_);
    std::optional<Reply> reply = TakeReply(rest);
    consumed_ = input_.size() - rest.size();
    if (reply && reply->lost()) error_ = reply->str;
    if (reply) return *std::move(reply);
    if (Status status = Receive(deadline); !status.ok()) return Lost(MessageOf(status));
  }
}

std::string Client::ReceiveUntil(std::string_view end) {
  const Deadline deadline = DeadlineIn(timeout_);
  size_t found;
  while ((found = input_.find(end, consumed_)) == std::string::npos && Receive(deadline).ok()) {
  }
  const size_t stop = found == std::string::npos ? input_.size() : found + end.size();
  std::string received = input_.substr(consumed_, stop - consumed_);
  consumed_ = stop;
  return received;
}

bool Client::WaitForClose() {
  const Deadline deadline = DeadlineIn(timeout_);
  Status status;
  while ((status = Receive(deadline)).ok()) consumed_ = input_.size();
  return absl::IsUnavailable(status);
}

}  // namespace flashdb::e2e
