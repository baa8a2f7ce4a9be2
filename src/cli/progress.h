// A progress bar on a terminal.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

namespace flashdb::cli {

/// "title [#####.....]  50 %  detail"; `done` from 0 to 1.
std::string ProgressLine(std::string_view title, double done, std::string_view detail);

/// Redraws one line, and removes it at its end. Draws nothing unless `on`.
class ProgressBar {
 public:
  ProgressBar(std::ostream& out, std::string title, bool on)
      : out_(out), title_(std::move(title)), on_(on) {}
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Show(double done, std::string_view detail);

 private:
  std::ostream& out_;
  std::string title_;
  bool on_;
};

}  // namespace flashdb::cli
