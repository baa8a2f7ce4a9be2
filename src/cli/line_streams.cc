#include "cli/line_streams.h"

#include "cli/curl_handle.h"
#include "cli/interrupt.h"

namespace flashdb::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A record of the largest size a server can be set to, in base64, fits well.
constexpr size_t kMaxLineBytes = size_t{256} << 20;

}  // namespace

struct LineStreams::Stream {
  LineStreams* owner;
  int tag;
  ApiRequest request;
  CurlHandle handle;
  std::string rest;  // of a line that has not ended; the body of a refusal

  void Take(std::string_view data) {
    for (size_t end; (end = data.find('\n')) != std::string_view::npos;) {
      rest.append(data.substr(0, end));
      if (rest.ends_with('\r')) rest.pop_back();
      if (!rest.empty()) owner->lines_.push_back({tag, std::move(rest)});
      rest.clear();
      data.remove_prefix(end + 1);
    }
    rest.append(data);
  }
};

struct LineStreams::Multi {
  Multi() {
    InitializeCurl();
    handle.reset(curl_multi_init());
    FLASHDB_CHECK(handle != nullptr, "out of memory");
  }
  CurlMulti handle;
};

LineStreams::LineStreams(ApiOptions options)
    : options_(std::move(options)), multi_(std::make_unique<Multi>()) {}
LineStreams::~LineStreams() { Clear(); }

size_t LineStreams::OnData(char* data, size_t /*one*/, size_t size, void* stream) {
  auto* self = static_cast<Stream*>(stream);
  if (self->rest.size() + size > kMaxLineBytes) return 0;
  if (self->handle.status() == 200) {
    self->Take({data, size});
  } else {
    self->rest.append(data, size);
  }
  return size;
}

void LineStreams::Add(int tag, std::string target) {
  auto stream = std::make_unique<Stream>();
  stream->owner = this;
  stream->tag = tag;
  stream->request = {.target = std::move(target), .accept = "application/x-ndjson"};
  stream->handle.Prepare(options_, stream->request);
  SetOption(stream->handle.get(), CURLOPT_WRITEFUNCTION, &LineStreams::OnData);
  SetOption(stream->handle.get(), CURLOPT_WRITEDATA, static_cast<void*>(stream.get()));
  curl_multi_add_handle(multi_->handle.get(), stream->handle.get());
  streams_.push_back(std::move(stream));
}

void LineStreams::Clear() {
  for (auto& stream : streams_) {
    curl_multi_remove_handle(multi_->handle.get(), stream->handle.get());
  }
  streams_.clear();
  lines_.clear();
  ended_ = OkStatus();
}

Status LineStreams::EndOf(Stream& stream, int code) {
  if (code != CURLE_OK) return TransportError(code, options_, stream.handle.error());
  const int status = stream.handle.status();
  if (status != 200) return RefusalOf(stream.request, {.status = status, .body = stream.rest});
  return absl::UnavailableError(
      fmt::format("{} ended the stream; it may be shutting down", options_.server));
}

Status LineStreams::CollectEnds() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_->handle.get(), &left)) {
    for (auto& stream : streams_) {
      if (stream->handle.get() != message->easy_handle) continue;
      return EndOf(*stream, message->data.result);
    }
  }
  return OkStatus();
}

Status LineStreams::Advance(milliseconds wait) {
  int running = 0;
  curl_multi_perform(multi_->handle.get(), &running);
  if (ended_.ok()) ended_ = CollectEnds();
  if (!lines_.empty() || !ended_.ok()) return OkStatus();
  curl_waitfd interrupt{.fd = Interrupt::descriptor(), .events = CURL_WAIT_POLLIN, .revents = 0};
  curl_multi_poll(multi_->handle.get(), &interrupt, interrupt.fd >= 0 ? 1 : 0,
                  static_cast<int>(wait.count()), nullptr);
  return Interrupt::requested() ? absl::CancelledError("interrupted") : OkStatus();
}

StatusOr<LineStreams::Line> LineStreams::Next(milliseconds wait) {
  const auto deadline = Clock::now() + wait;
  if (Interrupt::requested()) return absl::CancelledError("interrupted");
  while (lines_.empty()) {
    if (!ended_.ok()) return ended_;
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() < 0) return absl::DeadlineExceededError("no line yet");
    FLASHDB_RETURN_IF_ERROR(Advance(left));
    if (left.count() == 0 && lines_.empty() && ended_.ok()) {
      return absl::DeadlineExceededError("no line yet");
    }
  }
  Line line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

}  // namespace flashdb::cli
