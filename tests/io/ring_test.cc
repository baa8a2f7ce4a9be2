// The event loop's kernel side, on the real kernel.
#include "io/ring.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "io/posix_file.h"

namespace flashdb {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;
constexpr Ring::Options kSmall{.entries = 8, .receive_buffers = 4, .receive_buffer_bytes = 64};

std::unique_ptr<Ring> MakeRing(const Ring::Options& options = kSmall) {
  auto ring = Ring::Create(options);
  EXPECT_TRUE(ring.ok()) << ring.status();
  return *std::move(ring);
}

/// Turns until `done`, for at most two seconds.
bool TurnUntil(Ring& ring, const std::function<bool()>& done) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ring.Turn(kMillisecond);
  }
  return true;
}

// ---- Files --------------------------------------------------------------------------------------

struct FileOp : Completion {
  FileOp() {
    on_done = [](Completion& self, int32_t got) {
      auto& op = static_cast<FileOp&>(self);
      ++op.calls;
      op.result = got;
    };
  }
  int calls = 0;
  int32_t result = 0;
};

class RingFileTest : public testing::Test {
 protected:
  RingFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "flashdb-ring-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    auto file = files_.OpenForWrite(directory_ + "/f", WriteMode::kBuffered, true);
    EXPECT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
  }
  ~RingFileTest() override { std::filesystem::remove_all(directory_); }

  int32_t Wait(FileOp& op) {
    EXPECT_TRUE(TurnUntil(*ring_, [&] { return op.calls > 0; })) << "never completed";
    EXPECT_EQ(op.calls, 1);
    return op.result;
  }

  std::string directory_;
  PosixFileSystem files_;
  std::unique_ptr<File> file_;
  std::unique_ptr<Ring> ring_ = MakeRing();
};

TEST_F(RingFileTest, WritesSyncsAndReadsBack) {
  std::vector<uint8_t> bytes(5000, 'w');
  std::vector<uint8_t> read(6000, 0);
  FileOp write, sync, get;
  ring_->Write(*file_, 100, bytes, write);
  EXPECT_EQ(Wait(write), 5000);
  ring_->Sync(*file_, sync);
  EXPECT_EQ(Wait(sync), 0);
  ring_->Read(*file_, 100, read, get);
  EXPECT_EQ(Wait(get), 5000) << "short at the end of the file";
  read.resize(5000);
  EXPECT_EQ(read, bytes);
}

TEST_F(RingFileTest, AllocateSetsTheSize) {
  FileOp op;
  ring_->Allocate(*file_, 1 << 20, op);
  EXPECT_EQ(Wait(op), 0);
  EXPECT_EQ(file_->Size().value(), 1u << 20);
}

TEST_F(RingFileTest, ErrorsAreNegativeErrnoValues) {
  auto reader = files_.OpenForRead(directory_ + "/f");
  ASSERT_TRUE(reader.ok());
  std::vector<uint8_t> bytes(10, 'w');
  FileOp op;
  ring_->Write(**reader, 0, bytes, op);
  EXPECT_EQ(Wait(op), -EBADF);
}

TEST_F(RingFileTest, NothingIsCalledBeforeATurn) {
  std::vector<uint8_t> bytes(10, 'w');
  FileOp op;
  ring_->Write(*file_, 0, bytes, op);
  EXPECT_EQ(op.calls, 0);
  Wait(op);
}

TEST_F(RingFileTest, MoreOperationsThanEntriesAllComplete) {
  std::vector<uint8_t> bytes(16, 'w');
  std::vector<FileOp> ops(kSmall.entries * 5);
  for (size_t i = 0; i < ops.size(); ++i) ring_->Write(*file_, i * 16, bytes, ops[i]);
  auto all = [&] {
    return std::all_of(ops.begin(), ops.end(), [](const FileOp& op) { return op.calls == 1; });
  };
  EXPECT_TRUE(TurnUntil(*ring_, all));
  for (const FileOp& op : ops) EXPECT_EQ(op.result, 16);
  EXPECT_EQ(file_->Size().value(), ops.size() * 16);
}

struct Repeating : Completion {
  Ring* ring;
  File* file;
  std::span<const uint8_t> bytes;
  int left;
};

TEST_F(RingFileTest, ACompletionMayStartTheNextOperation) {
  std::vector<uint8_t> bytes(16, 'w');
  Repeating op;
  op.ring = ring_.get();
  op.file = file_.get();
  op.bytes = bytes;
  op.left = 20;
  op.on_done = [](Completion& self, int32_t) {
    auto& again = static_cast<Repeating&>(self);
    if (--again.left > 0) again.ring->Write(*again.file, 0, again.bytes, again);
  };
  ring_->Write(*file_, 0, bytes, op);
  EXPECT_TRUE(TurnUntil(*ring_, [&] { return op.left == 0; }));
}

// ---- Sockets ------------------------------------------------------------------------------------

class Receiver : public RingOp {
 public:
  Receiver(Ring& ring, bool recycle) : ring_(ring), recycle_(recycle) {
    on_cqe = [](RingOp& self, int32_t result, uint32_t flags) {
      static_cast<Receiver&>(self).OnCqe(result, flags);
    };
  }
  void Arm(int fd) {
    armed = true;
    ring_.MultishotReceive(fd, *this);
  }
  void RecycleAll() {
    for (uint32_t flags : held) ring_.receive_buffers().Recycle(flags);
    held.clear();
  }

  std::string got;
  std::vector<int32_t> results;
  std::vector<uint32_t> held;  // buffers not given back
  bool armed = false;

 private:
  void OnCqe(int32_t result, uint32_t flags) {
    results.push_back(result);
    if ((flags & IORING_CQE_F_MORE) == 0) armed = false;
    if (result <= 0) return;
    EXPECT_NE(flags & IORING_CQE_F_BUFFER, 0u);
    std::span<const char> data = ring_.receive_buffers().Data(flags, result);
    got.append(data.data(), data.size());
    held.push_back(flags);
    if (recycle_) RecycleAll();
  }
  Ring& ring_;
  bool recycle_;
};

class RingSocketTest : public testing::Test {
 protected:
  RingSocketTest() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    near_ = pair[0];
    far_ = pair[1];
  }
  ~RingSocketTest() override {
    ring_.reset();
    ::close(near_);
    CloseFar();
  }
  void CloseFar() {
    if (far_ >= 0) ::close(far_);
    far_ = -1;
  }
  void SendFromFar(std::string_view text) {
    ASSERT_EQ(::write(far_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  int near_;
  int far_;
  std::unique_ptr<Ring> ring_ = MakeRing();
};

TEST_F(RingSocketTest, OneReceiveTakesAllThatCome) {
  Receiver receiver(*ring_, /*recycle=*/true);
  receiver.Arm(near_);
  std::string sent;
  for (int i = 0; i < 30; ++i) {
    std::string text = fmt::format("message {} ", i);
    SendFromFar(text);
    sent += text;
    ASSERT_TRUE(TurnUntil(*ring_, [&] { return receiver.got.size() == sent.size(); }));
  }
  EXPECT_EQ(receiver.got, sent);
  EXPECT_TRUE(receiver.armed) << "armed once, it stays so";
  CloseFar();
  ASSERT_TRUE(TurnUntil(*ring_, [&] { return !receiver.armed; }));
  EXPECT_EQ(receiver.results.back(), 0) << "the end of the stream";
}

TEST_F(RingSocketTest, RunningOutOfBuffersIsReportedAndRecovers) {
  std::string sent;
  for (char c = 'a'; c < 'k'; ++c) sent += std::string(kSmall.receive_buffer_bytes, c);
  SendFromFar(sent);
  Receiver receiver(*ring_, /*recycle=*/false);
  receiver.Arm(near_);
  ASSERT_TRUE(TurnUntil(*ring_, [&] { return !receiver.armed; }));
  EXPECT_EQ(receiver.results.back(), -ENOBUFS);
  EXPECT_EQ(receiver.held.size(), kSmall.receive_buffers);
  EXPECT_EQ(receiver.got, sent.substr(0, receiver.got.size()));
  auto all_arrived = [&] {
    if (!receiver.armed) {
      receiver.RecycleAll();
      receiver.Arm(near_);
    }
    return receiver.got.size() == sent.size();
  };
  EXPECT_TRUE(TurnUntil(*ring_, all_arrived));
  EXPECT_EQ(receiver.got, sent);
}

struct PlainOp : RingOp {
  PlainOp() {
    on_cqe = [](RingOp& self, int32_t got, uint32_t) {
      auto& op = static_cast<PlainOp&>(self);
      ++op.calls;
      op.result = got;
    };
  }
  int calls = 0;
  int32_t result = 0;
};

TEST_F(RingSocketTest, SendDeliversAllBytes) {
  std::string text(300'000, 's');
  std::thread reader([&] {
    std::string got(text.size(), '\0');
    ssize_t n = ::recv(far_, got.data(), got.size(), MSG_WAITALL);
    EXPECT_EQ(n, static_cast<ssize_t>(text.size()));
    EXPECT_EQ(got, text);
  });
  PlainOp op;
  ring_->Send(near_, text, op);
  EXPECT_TRUE(TurnUntil(*ring_, [&] { return op.calls > 0; }));
  EXPECT_EQ(op.result, static_cast<int32_t>(text.size())) << "more than the socket's buffer holds";
  reader.join();
}

TEST_F(RingSocketTest, SendingToOneWhoLeftIsAnErrorAndNoSignal) {
  CloseFar();
  PlainOp op;
  ring_->Send(near_, std::string_view("x"), op);
  ASSERT_TRUE(TurnUntil(*ring_, [&] { return op.calls > 0; }));
  EXPECT_EQ(op.result, -EPIPE);
}

TEST_F(RingSocketTest, ACancelledReceiveSaysSo) {
  Receiver receiver(*ring_, true);
  receiver.Arm(near_);
  ring_->Turn(0);
  EXPECT_TRUE(receiver.armed);
  ring_->Cancel(receiver);
  ASSERT_TRUE(TurnUntil(*ring_, [&] { return !receiver.armed; }));
  EXPECT_EQ(receiver.results, std::vector<int32_t>{-ECANCELED});
  SendFromFar("late");
  ring_->Turn(10 * kMillisecond);
  EXPECT_EQ(receiver.got, "");
}

// ---- Sleep --------------------------------------------------------------------------------------

TEST(RingTest, ATurnWithNothingToWaitForReturnsInTime) {
  auto ring = MakeRing();
  EXPECT_EQ(ring->Turn(0), 0u);
  auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(ring->Turn(20 * kMillisecond), 0u);
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(19));
}

TEST(RingTest, WakeOtherEndsAnotherThreadsSleep) {
  std::atomic<int> sleeper_fd{-1};
  std::atomic<int64_t> slept_millis{-1};
  std::thread sleeper([&] {
    auto ring = MakeRing();
    auto began = std::chrono::steady_clock::now();
    sleeper_fd.store(ring->fd());
    EXPECT_EQ(ring->Turn(20'000 * kMillisecond), 1u);
    slept_millis.store(std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::steady_clock::now() - began)
                           .count());
  });
  auto ring = MakeRing();
  while (sleeper_fd.load() < 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  ring->WakeOther(sleeper_fd.load());
  ring->Turn(0);
  sleeper.join();
  EXPECT_LT(slept_millis.load(), 10'000);
}

TEST(RingTest, AWakeUpBeforeTheSleepIsNotLost) {
  auto sleeper = MakeRing();
  int fd = sleeper->fd();
  std::thread waker([&] {
    auto ring = MakeRing();
    ring->WakeOther(fd);
    ring->Turn(0);
  });
  waker.join();
  auto began = std::chrono::steady_clock::now();
  sleeper->Turn(20'000 * kMillisecond);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace flashdb
