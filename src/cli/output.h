// What commands print: tables and lines for people, JSON for machines.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/json.h"

namespace flashdb::cli {

enum class Style : uint8_t { kPlain, kBold, kDim, kRed, kGreen, kYellow, kCyan };

/// Left-aligned columns, those in which every cell is a number or empty to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}

  void Add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// Lines with their line feeds, without spaces at their ends; the titles come first, in bold if
  /// `colors`.
  std::string ToText(bool colors) const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

/// Not thread-safe.
class Output {
 public:
  Output(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  void UseJson(bool json) { json_ = json; }
  /// Whether colors may be used on each of the two.
  void UseColors(bool out, bool err) {
    out_colors_ = out;
    err_colors_ = err;
  }
  bool json() const { return json_; }
  bool colors() const { return out_colors_; }

  /// A document of its own, on one line.
  void PrintJson(const Json& document);
  void Print(const Table& table);
  void Line(std::string_view text);
  /// Bytes as they are.
  void Raw(std::string_view bytes);
  /// To standard error: what is no result.
  void Note(std::string_view text);
  /// "flashq: MESSAGE", or {"error","exit_code"} with json().
  void Error(const Status& status);

  /// `text` in `style` if standard output takes colors.
  std::string Styled(Style style, std::string_view text) const;

  /// Sends what is buffered on its way; an error if it can't be written (a full disk, a reader that
  /// has gone).
  Status Flush();

 private:
  std::ostream& out_;
  std::ostream& err_;
  bool json_ = false;
  bool out_colors_ = false;
  bool err_colors_ = false;
};

/// `text` between the codes of `style`.
std::string WithStyle(Style style, std::string_view text);

}  // namespace flashdb::cli
