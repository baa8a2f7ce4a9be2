#include "io/ring_support.h"

#include <fmt/ranges.h>
#include <sys/utsname.h>

#include <cerrno>

namespace flashdb {
namespace {

struct NamedBit {
  uint32_t bit;
  std::string_view name;
};

constexpr NamedBit kFlags[] = {
    {IORING_SETUP_CQSIZE, "IORING_SETUP_CQSIZE"},
    {IORING_SETUP_CLAMP, "IORING_SETUP_CLAMP"},
    {IORING_SETUP_SUBMIT_ALL, "IORING_SETUP_SUBMIT_ALL"},
    {IORING_SETUP_SINGLE_ISSUER, "IORING_SETUP_SINGLE_ISSUER"},
    {IORING_SETUP_DEFER_TASKRUN, "IORING_SETUP_DEFER_TASKRUN"},
};

constexpr NamedBit kFeatures[] = {
    {IORING_FEAT_NODROP, "IORING_FEAT_NODROP"},
    {IORING_FEAT_EXT_ARG, "IORING_FEAT_EXT_ARG"},
};

constexpr NamedBit kOperations[] = {
    {IORING_OP_ACCEPT, "IORING_OP_ACCEPT"},
    {IORING_OP_RECV, "IORING_OP_RECV"},
    {IORING_OP_SEND, "IORING_OP_SEND"},
    {IORING_OP_ASYNC_CANCEL, "IORING_OP_ASYNC_CANCEL"},
    {IORING_OP_MSG_RING, "IORING_OP_MSG_RING"},
    {IORING_OP_READ, "IORING_OP_READ"},
    {IORING_OP_WRITE, "IORING_OP_WRITE"},
    {IORING_OP_FSYNC, "IORING_OP_FSYNC"},
    {IORING_OP_FALLOCATE, "IORING_OP_FALLOCATE"},
    {IORING_OP_CLOSE, "IORING_OP_CLOSE"},
    {IORING_OP_OPENAT, "IORING_OP_OPENAT"},
    {IORING_OP_MKDIRAT, "IORING_OP_MKDIRAT"},
    {IORING_OP_RENAMEAT, "IORING_OP_RENAMEAT"},
    {IORING_OP_UNLINKAT, "IORING_OP_UNLINKAT"},
};

bool Supports(const io_uring_probe& probe, uint32_t operation) {
  return operation < probe.ops_len && (probe.ops[operation].flags & IO_URING_OP_SUPPORTED) != 0;
}

}  // namespace

std::vector<std::string_view> MissingSetupFlags(const std::function<int(uint32_t flags)>& setup) {
  std::vector<std::string_view> missing;
  for (const NamedBit& flag : kFlags) {
    // This one is refused without the other.
    bool deferred = flag.bit == IORING_SETUP_DEFER_TASKRUN;
    uint32_t tried = deferred ? flag.bit | IORING_SETUP_SINGLE_ISSUER : flag.bit;
    if (setup(tried) == -EINVAL) missing.push_back(flag.name);
  }
  return missing;
}

std::vector<std::string_view> MissingFeatures(uint32_t features, const io_uring_probe& probe) {
  std::vector<std::string_view> missing;
  for (const NamedBit& feature : kFeatures) {
    if ((features & feature.bit) == 0) missing.push_back(feature.name);
  }
  for (const NamedBit& operation : kOperations) {
    if (!Supports(probe, operation.bit)) missing.push_back(operation.name);
  }
  return missing;
}

Status KernelLacks(std::span<const std::string_view> missing, std::string_view kernel) {
  return absl::UnimplementedError(
      fmt::format("the io_uring of this kernel (Linux {}) lacks {}; FlashDB needs Linux 6.1 or "
                  "newer: start it on a newer kernel",
                  kernel, fmt::join(missing, ", ")));
}

Status RingSetupError(int error, const std::function<int(uint32_t flags)>& setup,
                      std::string_view kernel) {
  std::string what = "io_uring setup";
  if (error == ENOSYS) {
    constexpr std::string_view kAll[] = {"io_uring altogether"};
    return KernelLacks(kAll, kernel);
  }
  if (error == EINVAL) {
    std::vector<std::string_view> missing = MissingSetupFlags(setup);
    if (!missing.empty()) return KernelLacks(missing, kernel);
  }
  if (error == EPERM) {
    what +=
        ": io_uring is forbidden here; check sysctl kernel.io_uring_disabled and the"
        " container's seccomp profile";
  } else if (error == ENOMEM) {
    what += ": not enough locked memory; raise `ulimit -l`";
  }
  return ErrnoStatus(error, what);
}

std::string KernelRelease() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "of an unknown release";
}

}  // namespace flashdb
