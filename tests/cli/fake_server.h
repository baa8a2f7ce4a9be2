// A small HTTP server of the tests' own: answers what it is told to, and remembers what it was
// asked.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace flashdb::cli {

/// One thread for each connection. All members are thread-safe.
class FakeServer {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::string body;
    std::map<std::string, std::string> headers;  // names in lower case
  };
  struct Response {
    int status = 200;
    std::string body = {};
    bool endless = false;  // the body, as a chunk, and then nothing until the client goes
    bool never = false;    // no answer at all
    bool hang_up = false;  // the connection ends without an answer
  };
  using Handler = std::function<Response(const Request&)>;

  explicit FakeServer(Handler handler);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string url() const;
  std::vector<Request> requests() const;
  /// "METHOD TARGET" of each request, in order.
  std::vector<std::string> log() const;
  /// Waits up to ten seconds for a request with this in its log line.
  bool WaitFor(const std::string& text) const;

 private:
  void Accept();
  void Serve(int connection);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace flashdb::cli
