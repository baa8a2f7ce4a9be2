#include "cli/context.h"

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "cli/errors.h"

namespace flashdb::cli {
namespace {

bool ColorsAllowed() {
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org
  const char* terminal = std::getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

StatusOr<std::string> PasswordFrom(const std::string& file) {
  if (file.empty()) {
    const char* password = std::getenv("FLASHQ_PASSWORD");
    return std::string(password == nullptr ? "" : password);
  }
  std::ifstream stream(file);
  std::string password;
  if (!std::getline(stream, password)) {
    return UsageError(fmt::format(
        "the password file '{}' can't be read, or is empty; its first line is the password", file));
  }
  if (password.ends_with('\r')) password.pop_back();
  return password;
}

}  // namespace

Context::Context(const Streams& streams) : streams_(streams), output_(streams.out, streams.err) {
  const bool colors = ColorsAllowed();
  output_.UseColors(colors && streams.out_terminal, colors && streams.err_terminal);
}

Status Context::Configure(const GlobalOptions& options) {
  output_.UseJson(options.json);
  FLASHDB_ASSIGN_OR_RETURN(api_options_.server, ServerUrl(options.server));
  FLASHDB_ASSIGN_OR_RETURN(api_options_.password, PasswordFrom(options.password_file));
  if (api_options_.password.find_first_of("\r\n") != std::string::npos) {
    return UsageError("the password must not have line breaks");
  }
  // A day is beyond any patience and within libcurl's numbers.
  if (!(options.timeout_seconds > 0) || options.timeout_seconds > 86400) {
    return UsageError("--timeout takes seconds, more than 0 and up to 86400");
  }
  api_options_.timeout =
      std::chrono::milliseconds(static_cast<int64_t>(std::ceil(options.timeout_seconds * 1000)));
  return OkStatus();
}

ApiClient& Context::client() {
  if (!client_) client_ = std::make_unique<ApiClient>(api_options_);
  return *client_;
}

}  // namespace flashdb::cli
