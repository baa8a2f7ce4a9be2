#include "io/ring.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>

#include "base/check.h"
#include "io/posix_file.h"
#include "io/ring_support.h"

namespace flashdb {
namespace {

// User data is a pointer; its lowest bit tells a file Completion from a RingOp.
constexpr uint64_t kFileBit = 1;

// Creates a ring with some flags only to see whether the kernel takes them.
int TrySetup(uint32_t flags) {
  io_uring ring{};
  io_uring_params params{};
  params.flags = flags;
  params.cq_entries = 8;  // read if IORING_SETUP_CQSIZE is set
  int result = io_uring_queue_init_params(4, &ring, &params);
  if (result >= 0) io_uring_queue_exit(&ring);
  return std::min(result, 0);
}

Status CheckKernel(io_uring& ring, uint32_t features) {
  std::unique_ptr<io_uring_probe, decltype(&io_uring_free_probe)> probe(
      io_uring_get_probe_ring(&ring), &io_uring_free_probe);
  if (probe == nullptr) {
    constexpr std::string_view kProbe[] = {"IORING_REGISTER_PROBE"};
    return KernelLacks(kProbe, KernelRelease());
  }
  std::vector<std::string_view> missing = MissingFeatures(features, *probe);
  return missing.empty() ? OkStatus() : KernelLacks(missing, KernelRelease());
}

}  // namespace

StatusOr<std::unique_ptr<Ring>> Ring::Create(const Options& options) {
  std::unique_ptr<Ring> ring(new Ring());
  io_uring_params params{};
  params.flags = kRingSetupFlags;
  params.cq_entries = options.entries * 8;
  int result = io_uring_queue_init_params(options.entries, &ring->ring_, &params);
  if (result < 0) return RingSetupError(-result, &TrySetup, KernelRelease());
  ring->initialized_ = true;
  FLASHDB_RETURN_IF_ERROR(CheckKernel(ring->ring_, params.features));
  FLASHDB_RETURN_IF_ERROR(ring->SetUpReceiveBuffers(options));
  return ring;
}

Ring::~Ring() {
  if (initialized_) io_uring_queue_exit(&ring_);
  if (receive_buffers_.ring_ != nullptr) {
    munmap(receive_buffers_.ring_, receive_buffers_.count_ * sizeof(io_uring_buf));
  }
}

Status Ring::SetUpReceiveBuffers(const Options& options) {
  ReceiveBuffers& buffers = receive_buffers_;
  buffers.buffer_bytes_ = options.receive_buffer_bytes;
  buffers.count_ = options.receive_buffers;
  void* memory = mmap(nullptr, buffers.count_ * sizeof(io_uring_buf), PROT_READ | PROT_WRITE,
                      MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  if (memory == MAP_FAILED) return ErrnoStatus(errno, "allocate the receive buffer ring");
  buffers.ring_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(memory);
  registration.ring_entries = buffers.count_;
  registration.bgid = ReceiveBuffers::kGroup;
  int result = io_uring_register_buf_ring(&ring_, &registration, 0);
  if (result == -EINVAL) {
    constexpr std::string_view kBufferRing[] = {"IORING_REGISTER_PBUF_RING"};
    return KernelLacks(kBufferRing, KernelRelease());
  }
  if (result < 0) return ErrnoStatus(-result, "register the receive buffer ring");
  // Touched here, because the first clients need all of them, one after the other.
  buffers.memory_ = std::make_unique<char[]>(size_t{buffers.count_} * buffers.buffer_bytes_);
  io_uring_buf_ring_init(buffers.ring_);
  for (uint32_t i = 0; i < buffers.count_; ++i) {
    io_uring_buf_ring_add(buffers.ring_, buffers.memory_.get() + size_t{i} * buffers.buffer_bytes_,
                          buffers.buffer_bytes_, static_cast<uint16_t>(i),
                          io_uring_buf_ring_mask(buffers.count_), static_cast<int>(i));
  }
  io_uring_buf_ring_advance(buffers.ring_, static_cast<int>(buffers.count_));
  return OkStatus();
}

std::span<const char> ReceiveBuffers::Data(uint32_t cqe_flags, int32_t bytes) const {
  uint32_t id = cqe_flags >> IORING_CQE_BUFFER_SHIFT;
  return {memory_.get() + size_t{id} * buffer_bytes_, static_cast<size_t>(bytes)};
}

void ReceiveBuffers::Recycle(uint32_t cqe_flags) {
  auto id = static_cast<uint16_t>(cqe_flags >> IORING_CQE_BUFFER_SHIFT);
  io_uring_buf_ring_add(ring_, memory_.get() + size_t{id} * buffer_bytes_, buffer_bytes_, id,
                        io_uring_buf_ring_mask(count_), 0);
  io_uring_buf_ring_advance(ring_, 1);
}

io_uring_sqe* Ring::Prepare(RingOp* op) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (sqe == nullptr) {
    int result = io_uring_submit(&ring_);
    FLASHDB_CHECK(result >= 0 || result == -EINTR || result == -EBUSY || result == -EAGAIN,
                  "io_uring_submit: {}", result);
    sqe = io_uring_get_sqe(&ring_);
  }
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data(sqe, op);
  return sqe;
}

void Ring::MultishotAccept(int fd, RingOp& op) {
  io_uring_sqe* sqe = Prepare(&op);
  io_uring_prep_multishot_accept(sqe, fd, nullptr, nullptr, SOCK_CLOEXEC);
  io_uring_sqe_set_data(sqe, &op);
}

void Ring::MultishotReceive(int fd, RingOp& op) {
  io_uring_sqe* sqe = Prepare(&op);
  io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = ReceiveBuffers::kGroup;
  io_uring_sqe_set_data(sqe, &op);
}

void Ring::Send(int fd, std::span<const char> bytes, RingOp& op) {
  io_uring_sqe* sqe = Prepare(&op);
  io_uring_prep_send(sqe, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
  io_uring_sqe_set_data(sqe, &op);
}

void Ring::Cancel(RingOp& op) {
  io_uring_sqe* sqe = Prepare(nullptr);
  io_uring_prep_cancel(sqe, &op, 0);
  io_uring_sqe_set_data(sqe, nullptr);
}

void Ring::WakeOther(int ring_fd) {
  io_uring_sqe* sqe = Prepare(nullptr);
  io_uring_prep_msg_ring(sqe, ring_fd, 0, 0, 0);
  io_uring_sqe_set_data(sqe, nullptr);
}

io_uring_sqe* Ring::PrepareFor(Completion& done) {
  auto data = reinterpret_cast<uint64_t>(&done) | kFileBit;
  return Prepare(reinterpret_cast<RingOp*>(data));
}

void Ring::Write(File& file, uint64_t offset, std::span<const uint8_t> bytes, Completion& done) {
  io_uring_sqe* sqe = PrepareFor(done);
  uint64_t data = sqe->user_data;
  io_uring_prep_write(sqe, file.fd(), bytes.data(), static_cast<unsigned>(bytes.size()), offset);
  sqe->user_data = data;
}

void Ring::Read(File& file, uint64_t offset, std::span<uint8_t> into, Completion& done) {
  io_uring_sqe* sqe = PrepareFor(done);
  uint64_t data = sqe->user_data;
  io_uring_prep_read(sqe, file.fd(), into.data(), static_cast<unsigned>(into.size()), offset);
  sqe->user_data = data;
}

void Ring::PrepareSync(File& file, unsigned flags, Completion& done) {
  io_uring_sqe* sqe = PrepareFor(done);
  uint64_t data = sqe->user_data;
  io_uring_prep_fsync(sqe, file.fd(), flags);
  sqe->user_data = data;
}

void Ring::Sync(File& file, Completion& done) { PrepareSync(file, IORING_FSYNC_DATASYNC, done); }

// Of a directory the entries count, and fdatasync does not promise those.
void Ring::SyncDirectory(File& directory, Completion& done) { PrepareSync(directory, 0, done); }

void Ring::Allocate(File& file, uint64_t size, Completion& done) {
  io_uring_sqe* sqe = PrepareFor(done);
  uint64_t data = sqe->user_data;
  io_uring_prep_fallocate(sqe, file.fd(), 0, 0, static_cast<off_t>(size));
  sqe->user_data = data;
}

namespace {

// Makes a file of the descriptor that the kernel gives.
struct Creation : RingOp {
  const std::string& path;
  std::unique_ptr<File>& file;
  Completion& done;

  Creation(const std::string& name, std::unique_ptr<File>& to, Completion& ended)
      : path(name), file(to), done(ended) {
    on_cqe = [](RingOp& op, int32_t result, uint32_t) {
      std::unique_ptr<Creation> self(&static_cast<Creation&>(op));
      if (result >= 0) self->file = AdoptDescriptor(result, self->path);
      self->done.on_done(self->done, std::min(result, 0));
    };
  }
};

}  // namespace

void Ring::Create(const std::string& path, std::unique_ptr<File>& file, Completion& done) {
  auto* creation = new Creation(path, file, done);  // deletes itself
  io_uring_sqe* sqe = Prepare(creation);
  io_uring_prep_openat(sqe, AT_FDCWD, path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                       kFilePermissions);
  io_uring_sqe_set_data(sqe, static_cast<RingOp*>(creation));
}

void Ring::CreateDirectory(const std::string& path, Completion& done) {
  io_uring_sqe* sqe = PrepareFor(done);
  uint64_t data = sqe->user_data;
  io_uring_prep_mkdir(sqe, path.c_str(), kDirectoryPermissions);
  sqe->user_data = data;
}

void Ring::Rename(const std::string& from, const std::string& to, Completion& done) {
  io_uring_sqe* sqe = PrepareFor(done);
  uint64_t data = sqe->user_data;
  io_uring_prep_rename(sqe, from.c_str(), to.c_str());
  sqe->user_data = data;
}

void Ring::PrepareRemove(const std::string& path, int flags, Completion& done) {
  io_uring_sqe* sqe = PrepareFor(done);
  uint64_t data = sqe->user_data;
  io_uring_prep_unlink(sqe, path.c_str(), flags);
  sqe->user_data = data;
}

void Ring::Remove(const std::string& path, Completion& done) { PrepareRemove(path, 0, done); }

void Ring::RemoveDirectory(const std::string& path, Completion& done) {
  PrepareRemove(path, AT_REMOVEDIR, done);
}

// A second descriptor is closed by a thread of the kernel's; it keeps the file from being freed by
// the closing of the first.
void Ring::Close(std::unique_ptr<File> file) {
  int fd = fcntl(file->fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return;  // no descriptor left: closed here, now
  io_uring_sqe* sqe = Prepare(nullptr);
  io_uring_prep_close(sqe, fd);
  sqe->flags |= IOSQE_ASYNC;
  io_uring_sqe_set_data(sqe, nullptr);
}

size_t Ring::Dispatch() {
  size_t count = 0;
  io_uring_cqe* cqe;
  while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
    uint64_t data = cqe->user_data;
    int32_t result = cqe->res;
    uint32_t flags = cqe->flags;
    io_uring_cqe_seen(&ring_, cqe);
    ++count;
    if (data == 0) continue;
    if ((data & kFileBit) != 0) {
      auto* done = reinterpret_cast<Completion*>(data & ~kFileBit);
      done->on_done(*done, result);
    } else {
      auto* op = reinterpret_cast<RingOp*>(data);
      op->on_cqe(*op, result, flags);
    }
    // What the callbacks start may complete at once; a bounded count keeps the loop fair.
    if (count >= 4096) break;
  }
  return count;
}

void Ring::SubmitAndWait(uint64_t wait_nanos) {
  io_uring_cqe* cqe = nullptr;
  int result;
  if (wait_nanos == 0) {
    // Runs the deferred task work too, which a plain submit would leave for later.
    result = io_uring_submit_and_get_events(&ring_);
  } else {
    __kernel_timespec timeout{};
    timeout.tv_sec = static_cast<int64_t>(wait_nanos / 1'000'000'000);
    timeout.tv_nsec = static_cast<int64_t>(wait_nanos % 1'000'000'000);
    result = io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &timeout, nullptr);
  }
  FLASHDB_CHECK(
      result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY || result == -EAGAIN,
      "io_uring_enter: {}", result);
}

}  // namespace flashdb
