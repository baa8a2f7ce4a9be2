// What a start on a kernel that is too old says.
#include "io/ring_support.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

namespace flashdb {
namespace {

using Names = std::vector<std::string_view>;

/// What a kernel tells of its operations: all up to `count`, without those in `missing`.
class FakeProbe {
 public:
  explicit FakeProbe(unsigned count, std::initializer_list<unsigned> missing = {})
      : memory_(std::calloc(1, sizeof(io_uring_probe) + 256 * sizeof(io_uring_probe_op))) {
    auto* probe = static_cast<io_uring_probe*>(memory_.get());
    probe->ops_len = static_cast<uint8_t>(count);
    for (unsigned op = 0; op < count; ++op) probe->ops[op].flags = IO_URING_OP_SUPPORTED;
    for (unsigned op : missing) probe->ops[op].flags = 0;
  }
  const io_uring_probe& get() const { return *static_cast<io_uring_probe*>(memory_.get()); }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
};

constexpr uint32_t kAllFeatures = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;

// A kernel that knows these setup flags, with the kernel's own rule about DEFER_TASKRUN.
auto KernelWith(uint32_t known) {
  return [known](uint32_t flags) {
    bool alone =
        (flags & IORING_SETUP_DEFER_TASKRUN) != 0 && (flags & IORING_SETUP_SINGLE_ISSUER) == 0;
    return alone || (flags & ~known) != 0 ? -EINVAL : 0;
  };
}

TEST(RingSupportTest, AKernelWithEverythingLacksNothing) {
  EXPECT_EQ(MissingSetupFlags(KernelWith(kRingSetupFlags)), Names{});
  EXPECT_EQ(MissingFeatures(kAllFeatures, FakeProbe(IORING_OP_LAST).get()), Names{});
}

TEST(RingSupportTest, ExactlyTheMissingFlagsAreNamed) {
  EXPECT_EQ(MissingSetupFlags(KernelWith(kRingSetupFlags & ~IORING_SETUP_DEFER_TASKRUN)),
            Names{"IORING_SETUP_DEFER_TASKRUN"});
  EXPECT_EQ(MissingSetupFlags(KernelWith(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP)),
            (Names{"IORING_SETUP_SUBMIT_ALL", "IORING_SETUP_SINGLE_ISSUER",
                   "IORING_SETUP_DEFER_TASKRUN"}));
}

TEST(RingSupportTest, ExactlyTheMissingFeaturesAndOperationsAreNamed) {
  EXPECT_EQ(MissingFeatures(IORING_FEAT_NODROP, FakeProbe(IORING_OP_LAST).get()),
            Names{"IORING_FEAT_EXT_ARG"});
  EXPECT_EQ(MissingFeatures(kAllFeatures, FakeProbe(IORING_OP_MSG_RING).get()),
            Names{"IORING_OP_MSG_RING"})
      << "a list that ends before it";
  FakeProbe probe(IORING_OP_LAST, {IORING_OP_FALLOCATE, IORING_OP_SEND, IORING_OP_TEE});
  EXPECT_EQ(MissingFeatures(kAllFeatures, probe.get()),
            (Names{"IORING_OP_SEND", "IORING_OP_FALLOCATE"}))
      << "what is not needed may be missing";
}

TEST(RingSupportTest, TheMessageNamesWhatIsMissingWhereAndWhatToDo) {
  Status status = RingSetupError(EINVAL, KernelWith(kRingSetupFlags & ~IORING_SETUP_DEFER_TASKRUN),
                                 "5.15.0-test");
  EXPECT_EQ(MessageOf(status),
            "the io_uring of this kernel (Linux 5.15.0-test) lacks IORING_SETUP_DEFER_TASKRUN; "
            "FlashDB needs Linux 6.1 or newer: start it on a newer kernel");
}

TEST(RingSupportTest, OtherFailuresSayWhatToCheck) {
  auto none = [](uint32_t) { return -EPERM; };
  auto message = [&](int error) { return MessageOf(RingSetupError(error, none, "6.1.0")); };
  EXPECT_NE(message(ENOSYS).find("lacks io_uring altogether"), std::string::npos);
  EXPECT_NE(message(EPERM).find("kernel.io_uring_disabled"), std::string::npos);
  EXPECT_NE(message(ENOMEM).find("ulimit -l"), std::string::npos);
  EXPECT_NE(message(EINVAL).find("io_uring setup"), std::string::npos) << "no flag is to blame";
}

TEST(RingSupportTest, ThisKernelsReleaseIsKnown) {
  EXPECT_GE(std::atoi(KernelRelease().c_str()), 3);
}

}  // namespace
}  // namespace flashdb
