// One io_uring: the event loop's kernel side. Created and used by one thread (single issuer,
// deferred task work). Needs Linux 6.1; Create() names what a kernel lacks.
#pragma once

#include <liburing.h>

#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "base/status.h"
#include "io/file.h"

namespace flashdb {

/// A submitted operation of any kind. `on_cqe` is called from Turn() for every completion; a
/// multishot operation goes on while `flags & IORING_CQE_F_MORE`. The object must stay in place
/// until its last completion.
struct RingOp {
  void (*on_cqe)(RingOp& self, int32_t result, uint32_t flags) = nullptr;
};

/// An operation that completes into a member function of its owner, which must stay in place too.
template <typename Owner>
struct BoundOp : RingOp {
  Owner* owner = nullptr;

  /// Every completion calls `(to.*Method)(result, flags)`, or without the flags if it takes none.
  template <auto Method>
  void Bind(Owner& to) {
    owner = &to;
    on_cqe = [](RingOp& op, int32_t result, uint32_t flags) {
      Owner& self = *static_cast<BoundOp&>(op).owner;
      if constexpr (std::is_invocable_v<decltype(Method), Owner&, int32_t, uint32_t>) {
        (self.*Method)(result, flags);
      } else {
        (self.*Method)(result);
      }
    };
  }
};

/// A group of equal receive buffers that the kernel picks from as data arrives.
class ReceiveBuffers {
 public:
  static constexpr uint16_t kGroup = 0;

  std::span<const char> Data(uint32_t cqe_flags, int32_t bytes) const;
  /// Gives the buffer of a completion back to the kernel.
  void Recycle(uint32_t cqe_flags);

 private:
  friend class Ring;
  io_uring_buf_ring* ring_ = nullptr;
  std::unique_ptr<char[]> memory_;
  uint32_t buffer_bytes_ = 0;
  uint32_t count_ = 0;
};

class Ring final : public AsyncFiles {
 public:
  struct Options {
    uint32_t entries = 4096;
    uint32_t receive_buffers = 128;  // a power of two
    uint32_t receive_buffer_bytes = 16 * 1024;
  };

  /// To be called by the thread that will use the ring.
  static StatusOr<std::unique_ptr<Ring>> Create(const Options& options);
  ~Ring() override;

  /// A cleared submission entry that will complete into `op`; nullptr user data if `op` is null
  /// (its completion is ignored). Submits what is queued if the queue is full.
  io_uring_sqe* Prepare(RingOp* op);

  void MultishotAccept(int fd, RingOp& op);
  void MultishotReceive(int fd, RingOp& op);
  void Send(int fd, std::span<const char> bytes, RingOp& op);
  /// Asks the kernel to end `op`, which then completes with -ECANCELED.
  void Cancel(RingOp& op);
  /// Wakes the ring of another thread.
  void WakeOther(int ring_fd);

  // AsyncFiles.
  void Write(File& file, uint64_t offset, std::span<const uint8_t> bytes,
             Completion& done) override;
  void Read(File& file, uint64_t offset, std::span<uint8_t> into, Completion& done) override;
  void Sync(File& file, Completion& done) override;
  void Allocate(File& file, uint64_t size, Completion& done) override;
  void SyncDirectory(File& directory, Completion& done) override;
  void Create(const std::string& path, std::unique_ptr<File>& file, Completion& done) override;
  void CreateDirectory(const std::string& path, Completion& done) override;
  void Rename(const std::string& from, const std::string& to, Completion& done) override;
  void Remove(const std::string& path, Completion& done) override;
  void RemoveDirectory(const std::string& path, Completion& done) override;
  void Close(std::unique_ptr<File> file) override;

  /// Submits, and waits up to `wait_nanos` for a completion (0: does not wait).
  void SubmitAndWait(uint64_t wait_nanos);
  /// Calls back for what has completed. Returns the number of completions.
  size_t Dispatch();
  /// The two of them.
  size_t Turn(uint64_t wait_nanos) {
    SubmitAndWait(wait_nanos);
    return Dispatch();
  }

  int fd() const { return ring_.ring_fd; }
  ReceiveBuffers& receive_buffers() { return receive_buffers_; }

 private:
  Ring() = default;
  io_uring_sqe* PrepareFor(Completion& done);
  void PrepareSync(File& file, unsigned flags, Completion& done);
  void PrepareRemove(const std::string& path, int flags, Completion& done);
  Status SetUpReceiveBuffers(const Options& options);

  io_uring ring_{};
  bool initialized_ = false;
  ReceiveBuffers receive_buffers_;
};

}  // namespace flashdb
