// flashdb-load: one core's load on a server of the Redis protocol or of HTTP.
#include <fmt/format.h>
#include <sched.h>

#include <cstdio>

#include "bench/load/client.h"
#include "bench/load/report.h"

namespace flashdb::bench {
namespace {

Status PinTo(int cpu) {
  if (cpu < 0) return OkStatus();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof(one), &one) == 0) return OkStatus();
  return ErrnoStatus(errno, fmt::format("--cpu {}", cpu));
}

Status Run(const LoadOptions& options, uint64_t* errors) {
  FLASHDB_RETURN_IF_ERROR(PinTo(options.cpu));
  FLASHDB_ASSIGN_OR_RETURN(auto client, LoadClient::Connect(options));
  LoadResult result;
  if (options.fill) {
    FLASHDB_ASSIGN_OR_RETURN(result.fill, client->Fill());
  }
  if (options.seconds > 0 || options.requests > 0) {
    FLASHDB_ASSIGN_OR_RETURN(result.run, client->Measure());
  }
  fmt::print("{}",
             options.json ? JsonReport(options, *client, result) : TextReport(*client, result));
  *errors = client->errors();
  if (*errors > 0) {
    fmt::print(stderr, "flashdb-load: {} errors, the first: {}\n", *errors, client->first_error());
  }
  return OkStatus();
}

}  // namespace
}  // namespace flashdb::bench

int main(int argc, char** argv) {
  int exit_code = 0;
  auto options = flashdb::bench::ParseLoadOptions(argc, argv, &exit_code);
  if (!options) return exit_code;
  uint64_t errors = 0;
  flashdb::Status status = flashdb::bench::Run(*options, &errors);
  if (!status.ok()) {
    fmt::print(stderr, "flashdb-load: {}\n", flashdb::MessageOf(status));
    return 1;
  }
  return errors == 0 ? 0 : 1;
}
