// What every command is given: the options all share, a client, and where to print.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "base/status.h"
#include "cli/api_client.h"
#include "cli/output.h"

namespace flashdb::cli {

/// The process's, or a test's.
struct Streams {
  int in;  // a descriptor
  std::ostream& out;
  std::ostream& err;
  bool in_terminal = false;
  bool out_terminal = false;
  bool err_terminal = false;
};

struct GlobalOptions {
  std::string server = "http://127.0.0.1:8080";
  std::string password_file;
  double timeout_seconds = 30;
  bool json = false;
};

class Context {
 public:
  explicit Context(const Streams& streams);

  /// Takes what was given; InvalidArgument if it can't be. Before anything else.
  Status Configure(const GlobalOptions& options);

  /// The command's main connection, made at first use. Further threads make their own of
  /// api_options().
  ApiClient& client();
  const ApiOptions& api_options() const { return api_options_; }
  Output& output() { return output_; }
  const Streams& streams() const { return streams_; }

 private:
  Streams streams_;
  Output output_;
  ApiOptions api_options_;
  std::unique_ptr<ApiClient> client_;
};

}  // namespace flashdb::cli
