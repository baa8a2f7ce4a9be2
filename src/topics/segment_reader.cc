#include "topics/segment_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace flashdb {

struct ReadAhead : Completion {
  SegmentFiles& files;
  std::shared_ptr<OpenSegment> file;
  SegmentFiles::Buffer buffer;
  uint64_t position;
  int32_t result = 0;
  bool done = false;
  OneShotEvent event;
  std::shared_ptr<ReadAhead> self;  // while it is under way

  ReadAhead(SegmentFiles& home, std::shared_ptr<OpenSegment> of, SegmentFiles::Buffer into,
            uint64_t at)
      : files(home), file(std::move(of)), buffer(std::move(into)), position(at) {
    on_done = [](Completion& base, int32_t ended) { static_cast<ReadAhead&>(base).End(ended); };
  }

  static void Begin(const std::shared_ptr<ReadAhead>& ahead, size_t bytes) {
    ahead->self = ahead;
    ++ahead->files.reads_ahead_;
    ahead->files.async_->Read(ahead->file->file(), ahead->position,
                              {ahead->buffer.data() + SegmentFiles::kHeadroomBytes, bytes}, *ahead);
  }

  void End(int32_t ended) {
    std::shared_ptr<ReadAhead> keep = std::move(self);
    result = ended;
    done = true;
    file.reset();
    --files.reads_ahead_;
    event.Set();
  }
};

FrameReader::FrameReader(SegmentFiles& files, SegmentRef segment, uint64_t position)
    : files_(files), segment_(std::move(segment)), position_(position), expected_(segment_->base) {}

FrameReader::~FrameReader() = default;

FrameReader::Step FrameReader::Next(RecordView* record, std::string_view* frame) {
  size_t size = 0;
  switch (ReadFrame(Loaded(), record, &size)) {
    case FrameState::kCutShort:
      if (LoadedEnd() < segment_->facts.log_bytes) {
        const size_t wanted = FrameSizeAt(Loaded());
        return position_ + wanted > segment_->facts.log_bytes ? Step::kDamaged : Step::kMore;
      }
      return Loaded().empty() ? Step::kEnd : Step::kDamaged;
    case FrameState::kDamaged:
      return Step::kDamaged;
    case FrameState::kWhole:
      break;
  }
  if (record->offset < expected_) return Step::kDamaged;
  expected_ = record->offset + 1;
  *frame = Loaded().substr(0, size);
  begin_ += size;
  position_ += size;
  return Step::kRecord;
}

// What was read ahead continues what is loaded, unless too much is left for the headroom.
bool FrameReader::TakeAhead(ReadAhead& ahead) {
  const size_t left = end_ - begin_;
  if (ahead.result <= 0 || ahead.position != LoadedEnd() || left > SegmentFiles::kHeadroomBytes) {
    return false;
  }
  if (left > 0) {
    std::memmove(ahead.buffer.data() + SegmentFiles::kHeadroomBytes - left, bytes_ + begin_, left);
  }
  buffer_ = std::move(ahead.buffer);
  large_.reset();
  bytes_ = buffer_.data();
  begin_ = SegmentFiles::kHeadroomBytes - left;
  end_ = SegmentFiles::kHeadroomBytes + static_cast<size_t>(ahead.result);
  return true;
}

void FrameReader::BeginReadAhead() {
  const uint64_t from = LoadedEnd();
  if (!wants_read_ahead_ || !files_.attached() || segment_->gone) return;
  if (from >= segment_->facts.log_bytes) return;
  SegmentFiles::Buffer buffer = files_.TryTakeBuffer();
  StatusOr<std::shared_ptr<OpenSegment>> file = files_.Open(segment_);
  if (!buffer || !file.ok()) return;  // the next Fill says what is wrong
  ahead_ = std::make_shared<ReadAhead>(files_, *std::move(file), std::move(buffer), from);
  ReadAhead::Begin(ahead_,
                   std::min<uint64_t>(SegmentFiles::kReadBytes, segment_->facts.log_bytes - from));
}

Task<Status> FrameReader::ReadInto(uint64_t position, std::span<uint8_t> into) {
  size_t done = 0;
  while (done < into.size()) {
    StatusOr<std::shared_ptr<OpenSegment>> file = files_.Open(segment_);
    if (!file.ok()) co_return file.status();
    std::shared_ptr<OpenSegment> held = *std::move(file);
    const int32_t result = co_await files_.Read(held->file(), position + done, into.subspan(done));
    if (result < 0) co_return ErrnoStatus(-result, "read " + segment_->LogPath());
    if (result == 0) {
      co_return absl::DataLossError(fmt::format("{} ends at {}, before its records do",
                                                segment_->LogPath(), position + done));
    }
    done += static_cast<size_t>(result);
  }
  co_return OkStatus();
}

Task<Status> FrameReader::FillLarge(size_t frame_bytes) {
  std::unique_ptr<uint8_t[]> large(new uint8_t[frame_bytes]);
  Status status = co_await ReadInto(position_, {large.get(), frame_bytes});
  if (!status.ok()) co_return status;
  large_ = std::move(large);
  buffer_.Return();
  bytes_ = large_.get();
  begin_ = 0;
  end_ = frame_bytes;
  co_return OkStatus();
}

Task<Status> FrameReader::Fill() {
  if (std::shared_ptr<ReadAhead> ahead = std::move(ahead_)) {
    if (!ahead->done) co_await ahead->event;
    if (TakeAhead(*ahead)) {
      BeginReadAhead();
      co_return OkStatus();
    }
  }
  const size_t frame_bytes = FrameSizeAt(Loaded());
  if (frame_bytes > SegmentFiles::kReadBytes) co_return co_await FillLarge(frame_bytes);
  if (!buffer_) buffer_ = co_await files_.TakeBuffer();  // one at most: nobody waits for himself
  size_t left = end_ - begin_;
  if (left > SegmentFiles::kHeadroomBytes) left = 0;  // read once more
  begin_ = end_ - left;
  uint8_t* into = buffer_.data() + SegmentFiles::kHeadroomBytes;
  if (left > 0) std::memmove(into - left, bytes_ + begin_, left);
  const uint64_t from = position_ + left;
  const size_t bytes =
      std::min<uint64_t>(std::max(std::exchange(next_read_, SegmentFiles::kReadBytes), frame_bytes),
                         segment_->facts.log_bytes - from);
  bytes_ = buffer_.data();
  begin_ = SegmentFiles::kHeadroomBytes - left;
  end_ = SegmentFiles::kHeadroomBytes;  // until the rest is there
  large_.reset();
  Status status = co_await ReadInto(from, {into, bytes});
  if (!status.ok()) co_return status;
  end_ += bytes;
  BeginReadAhead();
  co_return OkStatus();
}

}  // namespace flashdb
