// Clocks of the load generator, in seconds.
#pragma once

namespace flashdb::bench {

/// Monotonic.
double NowSeconds();
/// User and system time of the calling thread.
double ThreadCpuSeconds();
/// User and system time of all threads of a process (/proc/PID/stat, in steps of 10 ms); 0 if
/// there is none such.
double ProcessCpuSeconds(int pid);

}  // namespace flashdb::bench
