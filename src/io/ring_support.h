// Which parts of io_uring a kernel lacks, so that a start on one too old says exactly that.
//
// Source of the names and of the versions that brought them: io_uring_setup(2), io_uring_enter(2)
// and io_uring_register(2).
#pragma once

#include <liburing.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace flashdb {

/// The setup flags that a Ring needs. All of them are there from Linux 6.1 on, which also brings
/// what cannot be asked for: multishot accept (5.19) and receive (6.0).
inline constexpr uint32_t kRingSetupFlags = IORING_SETUP_SINGLE_ISSUER |
                                            IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                                            IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP;

/// The names of the needed setup flags that the kernel refuses. `setup` tries to create a ring with
/// some flags: 0, or a negated errno value.
std::vector<std::string_view> MissingSetupFlags(const std::function<int(uint32_t flags)>& setup);

/// The names of needed features and operations that are not in what the kernel offers.
std::vector<std::string_view> MissingFeatures(uint32_t features, const io_uring_probe& probe);

/// Unimplemented, with all that is missing and what to do; `kernel` is the running release.
Status KernelLacks(std::span<const std::string_view> missing, std::string_view kernel);

/// Why no ring could be created: errno `error` of io_uring_setup with kRingSetupFlags.
Status RingSetupError(int error, const std::function<int(uint32_t flags)>& setup,
                      std::string_view kernel);

/// The release of the running kernel, as uname tells it.
std::string KernelRelease();

}  // namespace flashdb
