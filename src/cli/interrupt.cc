#include "cli/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include "base/check.h"

namespace flashdb::cli {
namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
std::atomic<bool> g_requested{false};
std::atomic<bool> g_second_ends{true};
std::atomic<int> g_descriptor{-1};

void OnSignal(int number) {
  const int saved = errno;
  const uint64_t one = 1;
  if (g_requested.exchange(true) && number == SIGINT && g_second_ends) _exit(128 + number);
  if (write(g_descriptor.load(), &one, sizeof one) < 0) _exit(128 + number);
  errno = saved;
}

}  // namespace

Interrupt::Interrupt(Second second) {
  FLASHDB_CHECK(g_descriptor < 0, "one Interrupt at a time");
  g_requested = false;
  g_second_ends = second == Second::kEndsProcess;
  g_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  FLASHDB_CHECK(g_descriptor >= 0, "eventfd: errno {}", errno);
  struct sigaction action {};
  action.sa_handler = OnSignal;
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &previous_[i]);
}

Interrupt::~Interrupt() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &previous_[i], nullptr);
  close(g_descriptor.exchange(-1));
  g_requested = false;
}

bool Interrupt::requested() { return g_requested; }
int Interrupt::descriptor() { return g_descriptor; }

}  // namespace flashdb::cli
