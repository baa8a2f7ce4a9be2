#include "cli/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace flashdb::cli {
namespace {

constexpr size_t kChunk = 64 << 10;
constexpr size_t kMaxLine = 64 << 20;

Status InputError(int error) {
  return absl::InvalidArgumentError(
      fmt::format("the input can't be read: {}", std::strerror(error)));
}

}  // namespace

bool LineReader::TakeLine(std::string* line) {
  size_t end = buffer_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = buffer_.size();
    if (!at_end_ || taken_ == buffer_.size()) return false;
    end = buffer_.size();
  }
  line->assign(buffer_, taken_, end - taken_);
  taken_ = std::min(end + 1, buffer_.size());
  searched_ = taken_;
  ++number_;
  return true;
}

StatusOr<bool> LineReader::Fill(std::chrono::milliseconds wait) {
  pollfd input{.fd = descriptor_, .events = POLLIN, .revents = 0};
  const int ready = poll(&input, 1, static_cast<int>(wait.count()));
  if (ready == 0 || (ready < 0 && errno == EINTR)) return false;
  if (ready < 0) return InputError(errno);
  buffer_.erase(0, taken_);
  searched_ -= taken_;
  taken_ = 0;
  const size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  const ssize_t got = read(descriptor_, buffer_.data() + before, kChunk);
  buffer_.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0 && errno != EINTR && errno != EAGAIN) return InputError(errno);
  at_end_ = got == 0;
  return got >= 0;
}

StatusOr<LineReader::Result> LineReader::Next(std::string* line, std::chrono::milliseconds wait) {
  while (!TakeLine(line)) {
    if (at_end_) return Result::kEnd;
    if (buffer_.size() - taken_ > kMaxLine) {
      return absl::InvalidArgumentError(
          fmt::format("line {} of the input is longer than 64 MiB", number_ + 1));
    }
    FLASHDB_ASSIGN_OR_RETURN(bool filled, Fill(wait));
    if (!filled && wait.count() >= 0) return Result::kNothingYet;
  }
  return Result::kLine;
}

}  // namespace flashdb::cli
