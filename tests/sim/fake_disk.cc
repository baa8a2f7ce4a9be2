#include "sim/fake_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace flashdb {
namespace {

bool AllZero(const uint8_t* bytes, size_t size) {
  return size == 0 || (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

Status ToStatus(int result, const std::string& path) {
  return result < 0 ? ErrnoStatus(-result, path) : OkStatus();
}

}  // namespace

class FakeFile final : public File {
 public:
  FakeFile(FakeDisk& disk, FakeDisk::InodePtr inode, std::string path, WriteMode mode)
      : disk_(disk), inode_(std::move(inode)), path_(std::move(path)), mode_(mode) {}

  StatusOr<size_t> ReadAt(uint64_t offset, std::span<uint8_t> into) override {
    uint64_t left = offset < inode_->size ? inode_->size - offset : 0;
    size_t size = static_cast<size_t>(std::min<uint64_t>(into.size(), left));
    if (size == 0) return size;
    std::memset(into.data(), 0, size);
    constexpr uint64_t kSector = FakeDisk::kSector;
    for (uint64_t at = offset; at < offset + size;) {
      uint64_t end = std::min((at / kSector + 1) * kSector, offset + size);
      auto sector = inode_->now.find(at / kSector);
      if (sector != inode_->now.end()) {
        std::memcpy(into.data() + (at - offset), sector->second.data() + at % kSector, end - at);
      }
      at = end;
    }
    return size;
  }
  Status WriteAt(uint64_t offset, std::span<const uint8_t> bytes) override {
    CheckAlignment(offset, bytes);
    if (disk_.during_write_) disk_.during_write_();
    return ToStatus(disk_.WriteAs(mode_, *inode_, offset, bytes), path_);
  }
  Status Sync() override { return ToStatus(disk_.SyncInode(*inode_), path_); }
  Status Truncate(uint64_t size) override {
    if (!disk_.MayChange()) return ErrnoStatus(EIO, path_);
    const auto last = inode_->now.find(size / FakeDisk::kSector);
    FakeDisk::Sector kept{};
    const bool keeps = size % FakeDisk::kSector != 0 && last != inode_->now.end();
    if (keeps) std::memcpy(kept.data(), last->second.data(), size % FakeDisk::kSector);
    for (uint64_t sector = size / FakeDisk::kSector; sector <= inode_->size / FakeDisk::kSector;
         ++sector) {
      inode_->now.erase(sector);
      inode_->dirty.insert(sector);
    }
    if (keeps) inode_->now[size / FakeDisk::kSector] = kept;
    inode_->size = size;
    return OkStatus();
  }
  Status Allocate(uint64_t size) override {
    return ToStatus(disk_.AllocateInode(*inode_, size), path_);
  }
  StatusOr<uint64_t> Size() const override { return inode_->size; }
  int fd() const override { return -1; }
  const std::string& path() const { return path_; }
  WriteMode mode() const override { return mode_; }

  void CheckAlignment(uint64_t offset, std::span<const uint8_t> bytes) const {
    if (mode_ == WriteMode::kBuffered) return;
    uint64_t block = disk_.block_bytes_;
    bool aligned = offset % block == 0 && bytes.size() % block == 0 &&
                   reinterpret_cast<uintptr_t>(bytes.data()) % block == 0;
    FLASHDB_CHECK(aligned, "unaligned direct write of {} bytes at {}", bytes.size(), offset);
  }
  const FakeDisk::InodePtr& inode() const { return inode_; }

 private:
  FakeDisk& disk_;
  FakeDisk::InodePtr inode_;
  std::string path_;
  WriteMode mode_;
};

StatusOr<std::unique_ptr<File>> FakeDisk::OpenForRead(const std::string& path) {
  return OpenForWrite(path, WriteMode::kBuffered, false);
}

StatusOr<std::unique_ptr<File>> FakeDisk::OpenForWrite(const std::string& path, WriteMode mode,
                                                       bool create) {
  if (mode != WriteMode::kBuffered && refuse_direct_) {
    return absl::InvalidArgumentError(path + ": the file system refuses O_DIRECT");
  }
  auto found = names_.find(path);
  if (create && found != names_.end()) return ErrnoStatus(EEXIST, "open " + path);
  if (!create && found == names_.end()) return ErrnoStatus(ENOENT, "open " + path);
  InodePtr inode = create ? std::make_shared<Inode>() : found->second;
  if (create && needs_directories_ && !names_.contains(DirectoryOf(path))) {
    return ErrnoStatus(ENOENT, "open " + path);
  }
  if (create) FLASHDB_RETURN_IF_ERROR(Change({"", path, inode}));
  return std::make_unique<FakeFile>(*this, inode, path, mode);
}

StatusOr<std::vector<std::string>> FakeDisk::List(const std::string& directory) {
  std::vector<std::string> list;
  for (const auto& [path, inode] : names_) {
    if (DirectoryOf(path) == directory) list.push_back(path.substr(directory.size() + 1));
  }
  return list;
}

Status FakeDisk::CreateDirectories(const std::string& directory) {
  for (size_t end = directory.find('/', 1);; end = directory.find('/', end + 1)) {
    std::string path = directory.substr(0, end);
    if (!names_.contains(path)) {
      if (!MayChange()) return ErrnoStatus(EIO, path);
      names_[path] = durable_names_[path] = std::make_shared<Inode>();
    }
    if (end == std::string::npos) return OkStatus();
  }
}

Status FakeDisk::CreateDirectory(const std::string& directory) {
  if (Exists(directory)) return ErrnoStatus(EEXIST, "create directory " + directory);
  if (!Exists(DirectoryOf(directory))) return ErrnoStatus(ENOENT, "create directory " + directory);
  FLASHDB_RETURN_IF_ERROR(Change({"", directory, std::make_shared<Inode>()}));
  young_directories_.insert(directory);
  return OkStatus();
}

Status FakeDisk::RemoveDirectory(const std::string& directory) {
  if (!names_.contains(directory)) return ErrnoStatus(ENOENT, "remove directory " + directory);
  auto below = names_.lower_bound(directory + "/");
  if (below != names_.end() && below->first.starts_with(directory + "/")) {
    return ErrnoStatus(ENOTEMPTY, "remove directory " + directory);
  }
  return Change({directory, "", nullptr});
}

// With a directory all that is below it moves, entry by entry: a crash may come between.
Status FakeDisk::Rename(const std::string& from, const std::string& to) {
  if (!Exists(from)) return ErrnoStatus(ENOENT, "rename " + from);
  const auto in_target = names_.lower_bound(to + "/");
  if (in_target != names_.end() && in_target->first.starts_with(to + "/")) {
    return ErrnoStatus(ENOTEMPTY, "rename " + from);
  }
  auto found = names_.find(from);  // not there: a directory that was never made has files
  InodePtr inode = found == names_.end() ? std::make_shared<Inode>() : found->second;
  std::vector<DirectoryChange> moves{{from, to, std::move(inode)}};
  for (auto below = names_.lower_bound(from + "/");
       below != names_.end() && below->first.starts_with(from + "/"); ++below) {
    moves.push_back({below->first, to + below->first.substr(from.size()), below->second});
  }
  if (young_directories_.contains(from)) young_directories_.insert(to);
  for (DirectoryChange& move : moves) FLASHDB_RETURN_IF_ERROR(Change(std::move(move)));
  return OkStatus();
}

Status FakeDisk::Remove(const std::string& path) {
  if (!names_.contains(path)) return ErrnoStatus(ENOENT, "remove " + path);
  return Change({path, "", nullptr});
}

bool FakeDisk::Exists(const std::string& path) {
  if (names_.contains(path)) return true;
  auto below = names_.lower_bound(path + "/");
  return below != names_.end() && below->first.starts_with(path + "/");
}

StatusOr<std::unique_ptr<File>> FakeDisk::OpenDirectory(const std::string& path) {
  return std::make_unique<FakeFile>(*this, std::make_shared<Inode>(), path, WriteMode::kBuffered);
}

Status FakeDisk::SyncDirectory(const std::string& directory) {
  if (!MayChange()) return ErrnoStatus(EIO, directory);
  if (lies_) return OkStatus();
  std::vector<DirectoryChange> others;
  for (DirectoryChange& change : changes_) {
    const std::string& name = change.added.empty() ? change.removed : change.added;
    if (DirectoryOf(name) == directory) {
      Apply(durable_names_, change);
    } else {
      others.push_back(std::move(change));
    }
  }
  changes_ = std::move(others);
  return OkStatus();
}

Status FakeDisk::Change(DirectoryChange change) {
  if (!MayChange()) return ErrnoStatus(EIO, change.added + change.removed);
  Apply(names_, change);
  changes_.push_back(std::move(change));
  return OkStatus();
}

void FakeDisk::Apply(std::map<std::string, InodePtr>& names, const DirectoryChange& change) {
  if (!change.removed.empty()) names.erase(change.removed);
  if (!change.added.empty()) names[change.added] = change.inode;
}

void FakeDisk::Write(File& file, uint64_t offset, std::span<const uint8_t> bytes,
                     Completion& done) {
  auto& fake = static_cast<FakeFile&>(file);
  fake.CheckAlignment(offset, bytes);
  pending_.push_back({Kind::kWrite, &file, fake.inode(), offset, bytes, {}, &done, submitter_});
}

void FakeDisk::Read(File& file, uint64_t offset, std::span<uint8_t> into, Completion& done) {
  auto& fake = static_cast<FakeFile&>(file);
  pending_.push_back({Kind::kRead, &file, fake.inode(), offset, {}, into, &done, submitter_});
}

void FakeDisk::Sync(File& file, Completion& done) {
  auto& fake = static_cast<FakeFile&>(file);
  const Inode& inode = *fake.inode();
  Pending sync{Kind::kSync, &file, fake.inode(), inode.size, {}, {}, &done, submitter_};
  sync.written.assign(inode.dirty.begin(), inode.dirty.end());
  pending_.push_back(std::move(sync));
}

void FakeDisk::Allocate(File& file, uint64_t size, Completion& done) {
  auto& fake = static_cast<FakeFile&>(file);
  pending_.push_back({Kind::kAllocate, &file, fake.inode(), size, {}, {}, &done, submitter_});
}

void FakeDisk::SyncDirectory(File& directory, Completion& done) {
  auto& fake = static_cast<FakeFile&>(directory);
  pending_.push_back({Kind::kSyncDirectory, &directory, fake.inode(), 0, {}, {}, &done});
}

void FakeDisk::PushNames(std::function<Status(FakeDisk&)> names, Completion& done) {
  Pending change{Kind::kNames, nullptr, nullptr, 0, {}, {}, &done, submitter_};
  change.names = std::move(names);
  pending_.push_back(std::move(change));
}

void FakeDisk::Create(const std::string& path, std::unique_ptr<File>& file, Completion& done) {
  PushNames(
      [path](FakeDisk& disk) {
        return disk.OpenForWrite(path, WriteMode::kBuffered, true).status();
      },
      done);
  pending_.back().path = path;
  pending_.back().created = &file;
}

void FakeDisk::CreateDirectory(const std::string& path, Completion& done) {
  PushNames([path](FakeDisk& disk) { return disk.CreateDirectory(path); }, done);
}

void FakeDisk::Rename(const std::string& from, const std::string& to, Completion& done) {
  PushNames([from, to](FakeDisk& disk) { return disk.Rename(from, to); }, done);
}

void FakeDisk::Remove(const std::string& path, Completion& done) {
  PushNames([path](FakeDisk& disk) { return disk.Remove(path); }, done);
}

void FakeDisk::RemoveDirectory(const std::string& path, Completion& done) {
  PushNames([path](FakeDisk& disk) { return disk.RemoveDirectory(path); }, done);
}

void FakeDisk::RunOne(size_t index) {
  FLASHDB_CHECK(index < pending_.size(), "{} of {} pending", index, pending_.size());
  Pending pending = pending_[index];
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
  int32_t result = Perform(pending);
  if (result == 0 && pending.created != nullptr) {
    *pending.created = OpenForWrite(pending.path, WriteMode::kBuffered, false).value();
  }
  pending.done->on_done(*pending.done, result);
}

void FakeDisk::RunAll() {
  while (!pending_.empty()) RunOne();
}

bool FakeDisk::IsDataWrite(size_t index) const {
  const Pending& pending = pending_.at(index);
  return pending.kind == Kind::kWrite && !AllZero(pending.bytes.data(), pending.bytes.size());
}

int32_t FakeDisk::Perform(const Pending& pending) {
  switch (pending.kind) {
    case Kind::kWrite:
      return WriteAs(pending.file->mode(), *pending.inode, pending.offset, pending.bytes);
    case Kind::kRead: {
      StatusOr<size_t> count = pending.file->ReadAt(pending.offset, pending.into);
      return count.ok() ? static_cast<int32_t>(*count) : -EIO;
    }
    case Kind::kSync:
      return SyncWritten(pending);
    case Kind::kAllocate:
      return AllocateInode(*pending.inode, pending.offset);
    case Kind::kSyncDirectory:
      if (++syncs_ >= fail_syncs_from_) return -EIO;
      return SyncDirectory(static_cast<FakeFile*>(pending.file)->path()).ok() ? 0 : -EIO;
    case Kind::kNames:
      return PerformNames(pending);
  }
  return -EINVAL;
}

int32_t FakeDisk::PerformNames(const Pending& pending) {
  const Status status = pending.names(*this);
  if (status.ok()) return 0;
  if (absl::IsNotFound(status)) return -ENOENT;
  return absl::IsAlreadyExists(status) ? -EEXIST : -EIO;
}

void FakeDisk::PutSector(Inode& inode, uint64_t sector, const uint8_t* bytes) {
  inode.dirty.insert(sector);
  if (AllZero(bytes, kSector)) {
    inode.now.erase(sector);
  } else {
    std::memcpy(inode.now[sector].data(), bytes, kSector);
  }
}

// Through a copy of the sectors at both ends, which a buffered write may cover in part.
void FakeDisk::PutBytes(Inode& inode, uint64_t offset, std::span<const uint8_t> bytes) {
  for (size_t at = 0; at < bytes.size();) {
    uint64_t sector = (offset + at) / kSector;
    size_t begin = (offset + at) % kSector;
    size_t size = std::min(kSector - begin, bytes.size() - at);
    auto found = inode.now.find(sector);
    bool zeros_on_zeros = found == inode.now.end() && AllZero(bytes.data() + at, size);
    if (!zeros_on_zeros) {
      Sector changed{};
      if (found != inode.now.end()) {
        ++overwritten_sectors_;
        changed = found->second;
      }
      std::memcpy(changed.data() + begin, bytes.data() + at, size);
      PutSector(inode, sector, changed.data());
    }
    at += size;
  }
}

// The write during which the disk stopped: any of its sectors may have been written.
void FakeDisk::TearLastWrite(Inode& inode, uint64_t offset, std::span<const uint8_t> bytes) {
  if (changes_made_ != stop_at_change_) return;
  Random random(changes_made_ ^ offset);
  if (offset % kSector != 0) {  // its beginning
    const size_t landed = random.Below(bytes.size() + 1);
    PutBytes(inode, offset, bytes.first(landed));
    inode.size = std::max(inode.size, offset + landed);
    return;
  }
  for (size_t at = 0; at + kSector <= bytes.size(); at += kSector) {
    if (random.Below(2) == 0 && offset + at + kSector <= inode.size) {
      PutSector(inode, (offset + at) / kSector, bytes.data() + at);
    }
  }
}

int FakeDisk::WriteAs(WriteMode mode, Inode& inode, uint64_t offset,
                      std::span<const uint8_t> bytes) {
  if (mode != WriteMode::kBuffered) {
    ++direct_writes_;
    if (refuse_direct_writes_) return -EINVAL;
  }
  const int result = WriteSectors(inode, offset, bytes);
  if (result >= 0 && mode == WriteMode::kDirectSync) {
    MakeDurable(inode, offset / kSector, (offset + bytes.size()) / kSector);
  }
  return result;
}

int FakeDisk::WriteSectors(Inode& inode, uint64_t offset, std::span<const uint8_t> bytes) {
  if (!MayChange()) {
    TearLastWrite(inode, offset, bytes);
    return -EIO;
  }
  if (++writes_ >= fail_writes_from_) return -EIO;
  uint64_t end = std::max(inode.size, offset + bytes.size());
  if (capacity_ != UINT64_MAX && used_bytes() + (end - inode.size) > capacity_) return -ENOSPC;
  inode.size = end;
  PutBytes(inode, offset, bytes);
  return static_cast<int>(bytes.size());
}

int FakeDisk::SyncInode(Inode& inode) {
  if (!MayChange()) return -EIO;
  if (++syncs_ >= fail_syncs_from_) return -EIO;
  MakeDurable(inode);
  return 0;
}

// A write that ended after the sync had begun may have missed it.
int FakeDisk::SyncWritten(const Pending& sync) {
  if (!MayChange()) return -EIO;
  if (++syncs_ >= fail_syncs_from_) return -EIO;
  if (lies_) return 0;
  for (uint64_t sector : sync.written) {
    if (sync.inode->dirty.erase(sector) > 0) Settle(*sync.inode, sector);
  }
  Inode& inode = *sync.inode;
  inode.durable_size = std::min(std::max(inode.durable_size, sync.offset), inode.size);
  return 0;
}

void FakeDisk::Settle(Inode& inode, uint64_t sector) {
  auto found = inode.now.find(sector);
  if (found == inode.now.end()) {
    inode.durable.erase(sector);
  } else {
    inode.durable[sector] = found->second;
  }
}

void FakeDisk::MakeDurable(Inode& inode, uint64_t first, uint64_t end) {
  if (lies_) return;
  for (auto sector = inode.dirty.begin(); sector != inode.dirty.end();) {
    auto here = sector++;
    if (*here < first || *here >= end) continue;
    Settle(inode, *here);
    inode.dirty.erase(here);
  }
  inode.durable_size = inode.size;
}

int FakeDisk::AllocateInode(Inode& inode, uint64_t size) {
  if (!MayChange()) return -EIO;
  uint64_t end = std::max(inode.size, size);
  if (capacity_ != UINT64_MAX && used_bytes() + (end - inode.size) > capacity_) return -ENOSPC;
  inode.size = end;
  return 0;
}

uint64_t FakeDisk::used_bytes() const {
  uint64_t used = 0;
  for (const auto& [path, inode] : names_) used += inode->size;
  return used;
}

// A buffered write that begins inside a sector: some of its sectors' parts, as far as the file
// went.
void FakeDisk::LandUnaligned(Inode& inode, const Pending& pending, Random& random) {
  const uint64_t mode = random.Below(4);
  for (size_t at = 0; at < pending.bytes.size();) {
    const size_t part =
        std::min<size_t>(kSector - (pending.offset + at) % kSector, pending.bytes.size() - at);
    if (mode == 0 || (mode > 1 && random.Below(2) == 0)) {
      PutBytes(inode, pending.offset + at, pending.bytes.subspan(at, part));
      inode.size = std::max(inode.size, pending.offset + at + part);
    }
    at += part;
  }
}

void FakeDisk::LandSome(const Pending& pending, Random& random) {
  if (pending.kind != Kind::kWrite) return;
  if (pending.offset % kSector != 0) return LandUnaligned(*pending.inode, pending, random);
  uint64_t mode = random.Below(4);  // all, none, or some
  for (size_t at = 0; at + kSector <= pending.bytes.size(); at += kSector) {
    bool lands = mode == 0 || (mode > 1 && random.Below(2) == 0);
    if (lands && pending.offset + at + kSector <= pending.inode->size) {
      PutSector(*pending.inode, (pending.offset + at) / kSector, pending.bytes.data() + at);
    }
  }
}

void FakeDisk::LoseSome(Inode& inode, Random& random) {
  uint64_t mode = random.Below(4);
  std::vector<uint64_t> dirty(inode.dirty.begin(), inode.dirty.end());
  std::sort(dirty.begin(), dirty.end());
  for (uint64_t sector : dirty) {
    bool lost = mode == 0 || (mode > 1 && random.Below(2) == 0);
    if (!lost) continue;
    auto before = inode.durable.find(sector);
    if (before == inode.durable.end()) {
      inode.now.erase(sector);
    } else {
      inode.now[sector] = before->second;
    }
  }
  if (random.Below(2) == 0) inode.size = inode.durable_size;
  for (uint64_t sector : dirty) Settle(inode, sector);
  inode.dirty.clear();
  inode.durable_size = inode.size;
}

// What is in a directory that is not there any more.
void FakeDisk::ForgetUnreachable() {
  for (const std::string& directory : young_directories_) {
    if (durable_names_.contains(directory)) continue;
    auto below = [&](const auto& entry) { return entry.first.starts_with(directory + "/"); };
    std::erase_if(names_, below);
    std::erase_if(durable_names_, below);
  }
}

void FakeDisk::PowerLoss(uint64_t seed) {
  Random random(seed);
  for (const Pending& pending : pending_) LandSome(pending, random);
  pending_.clear();
  size_t kept = random.Below(changes_.size() + 1);
  for (size_t i = 0; i < kept; ++i) Apply(durable_names_, changes_[i]);
  changes_.clear();
  names_ = durable_names_;
  ForgetUnreachable();
  for (auto& [path, inode] : names_) LoseSome(*inode, random);
}

void FakeDisk::KillProcess(uint64_t seed) {
  Random random(seed);
  while (!pending_.empty()) {
    Pending pending = pending_.front();
    pending_.pop_front();
    if (random.Below(2) == 0) Perform(pending);
  }
}

std::unique_ptr<FakeDisk> FakeDisk::CrashedCopy(bool power, uint64_t seed) const {
  auto copy = std::make_unique<FakeDisk>(*this);
  absl::flat_hash_map<const Inode*, InodePtr> copies;
  auto copied = [&copies](const InodePtr& inode) -> InodePtr {
    if (inode == nullptr) return nullptr;
    InodePtr& mine = copies[inode.get()];
    if (mine == nullptr) mine = std::make_shared<Inode>(*inode);
    return mine;
  };
  for (auto& [path, inode] : copy->names_) inode = copied(inode);
  for (auto& [path, inode] : copy->durable_names_) inode = copied(inode);
  for (DirectoryChange& change : copy->changes_) change.inode = copied(change.inode);
  for (Pending& pending : copy->pending_) pending.inode = copied(pending.inode);
  copy->stop_at_change_ = UINT64_MAX;
  copy->StopFailing();
  if (power) {
    copy->PowerLoss(seed);
  } else {
    copy->KillProcess(seed);
  }
  return copy;
}

void FakeDisk::Damage(const std::string& path, uint64_t offset) {
  Inode& inode = *names_.at(path);
  for (auto* sectors : {&inode.now, &inode.durable}) {
    Sector& sector = (*sectors)[offset / kSector];
    sector[offset % kSector] ^= 0x55;
  }
}

}  // namespace flashdb
