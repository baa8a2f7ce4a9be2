// Builds HTTP/1.1 responses (RFC 9112).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flashdb {

/// The words after a status, "Not Found".
std::string_view ReasonOf(int status);

/// One response: Reset(), any number of AddHeader(), Begin(), then the body is appended to text()
/// and Finish() ends it. Begin() again drops what was begun. Or a stream: BeginStream(), then one
/// AppendChunk() for each piece. Not thread-safe.
class HttpResponse {
 public:
  /// What the request says about its response.
  struct Manner {
    bool http11 = true;
    bool keep_alive = true;
    bool head_only = false;  // HEAD: the same headers and no body
  };

  void Reset(const Manner& manner);
  /// Neither may have line ends. Before Begin() or BeginStream().
  void AddHeader(std::string_view name, std::string_view value);

  /// The body is what is appended to the result from then on. `type`: the Content-Type; none if
  /// empty.
  std::string& Begin(int status, std::string_view type);
  /// The length is not known: chunked, or for HTTP/1.0 until the connection is closed.
  void BeginStream(int status, std::string_view type);
  /// Ends what Begin() has begun.
  void Finish();

  bool begun() const { return status_ != 0; }
  bool streaming() const { return streaming_; }
  int status() const { return status_; }
  bool keep_alive() const { return manner_.keep_alive; }
  /// The connection is to be closed after this response. Before Begin().
  void set_close() { manner_.keep_alive = false; }
  /// Head and body. May be taken (swapped) away after Finish().
  std::string& text() { return text_; }
  size_t body_bytes() const { return text_.size() - body_at_; }

  /// Appends to `out` a piece of a stream's body, framed as BeginStream() has announced.
  void AppendChunk(std::string& out, std::string_view bytes) const;
  void AppendLastChunk(std::string& out) const;

 private:
  void AppendHead(int status, std::string_view type);

  Manner manner_;
  std::string extra_;  // headers
  std::string text_;
  int status_ = 0;
  bool streaming_ = false;
  size_t length_at_ = 0;  // in text_: room for the Content-Length's digits; 0: it has none
  size_t body_at_ = 0;
};

/// A JSON error object, `{"error": code, "message": ..., "details": {...}}`; `details` is JSON or
/// empty.
std::string JsonError(std::string_view code, std::string_view message,
                      std::string_view details = {});

}  // namespace flashdb
