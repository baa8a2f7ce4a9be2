// The only door between cores. The thread tests are meant for the thread sanitizer too.
#include "shards/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include "base/random.h"

namespace flashdb {
namespace {

// Deliveries here never look at the shard they run on.
Shard& NoShard() {
  alignas(64) static char memory[64];
  return reinterpret_cast<Shard&>(memory);
}

using Values = std::vector<uint64_t>;

void Collect(Shard&, const Envelope& envelope) {
  static_cast<Values*>(envelope.object)->push_back(envelope.value);
}

class MailboxTest : public testing::Test {
 protected:
  /// Flushes; the shards that were woken.
  static std::vector<ShardId> Flush(Mailbox& mailbox) {
    std::vector<ShardId> woken;
    mailbox.Flush([&](ShardId shard) { woken.push_back(shard); });
    return woken;
  }
  static size_t Deliver(Mailbox& mailbox, size_t budget = 100'000) {
    return mailbox.Deliver(NoShard(), budget);
  }
  void Send(Mailbox& from, ShardId to, uint64_t value) {
    from.Send(to, {.deliver = &Collect, .object = &got_, .value = value});
  }

  MailRoom room_{3};
  Mailbox a_{room_, 0};
  Mailbox b_{room_, 1};
  Mailbox c_{room_, 2};
  Values got_;
};

TEST_F(MailboxTest, MailIsSeenAfterTheFlushOnly) {
  Send(a_, 1, 7);
  EXPECT_TRUE(b_.InboxEmpty());
  EXPECT_EQ(Deliver(b_), 0u);
  Flush(a_);
  EXPECT_FALSE(b_.InboxEmpty());
  EXPECT_TRUE(c_.InboxEmpty());
  EXPECT_EQ(Deliver(b_), 1u);
  EXPECT_EQ(got_, Values{7});
  EXPECT_TRUE(b_.InboxEmpty());
}

TEST_F(MailboxTest, EachSendersMailArrivesInItsOrder) {
  for (uint64_t i = 0; i < 100; ++i) {
    Send(a_, 2, i);
    Send(b_, 2, 1000 + i);
  }
  Flush(b_);
  Flush(a_);
  EXPECT_EQ(Deliver(c_), 200u);
  Values from_a, from_b;
  for (uint64_t value : got_) (value < 1000 ? from_a : from_b).push_back(value);
  ASSERT_EQ(from_a.size(), 100u);
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(from_a[i], i);
    EXPECT_EQ(from_b[i], 1000 + i);
  }
}

TEST_F(MailboxTest, TheBudgetCountsForEachSender) {
  for (uint64_t i = 0; i < 10; ++i) {
    Send(a_, 2, i);
    Send(b_, 2, i);
  }
  Flush(a_);
  Flush(b_);
  EXPECT_EQ(Deliver(c_, 4), 8u);
  EXPECT_EQ(Deliver(c_, 100), 12u);
}

TEST_F(MailboxTest, WhatDoesNotFitWaitsAndKeepsItsOrder) {
  constexpr uint64_t kCount = MailQueue::kCapacity * 3 + 17;
  for (uint64_t i = 0; i < kCount; ++i) Send(a_, 1, i);
  Flush(a_);
  EXPECT_FALSE(a_.OutboxEmpty());
  EXPECT_EQ(Deliver(b_), MailQueue::kCapacity);
  Send(a_, 1, kCount);  // there is room now, but others came first
  while (!a_.OutboxEmpty() || !b_.InboxEmpty()) {
    Flush(a_);
    Deliver(b_);
  }
  ASSERT_EQ(got_.size(), kCount + 1);
  for (uint64_t i = 0; i <= kCount; ++i) ASSERT_EQ(got_[i], i);
}

TEST_F(MailboxTest, AFullQueueHoldsUpOnlyItsOwnReceiver) {
  for (uint64_t i = 0; i < MailQueue::kCapacity + 1; ++i) Send(a_, 1, i);
  Send(a_, 2, 99);
  Flush(a_);
  EXPECT_EQ(Deliver(c_), 1u);
  EXPECT_EQ(got_, Values{99});
}

TEST_F(MailboxTest, ThePlacesOfAQueueAreUsedAgain) {
  for (uint64_t i = 0; i < MailQueue::kCapacity * 5 / 2; ++i) {
    Send(a_, 1, i);
    if (i % 7 == 0) {
      Flush(a_);
      Deliver(b_);
    }
  }
  Flush(a_);
  Deliver(b_);
  ASSERT_EQ(got_.size(), MailQueue::kCapacity * 5 / 2);
  for (uint64_t i = 0; i < got_.size(); ++i) ASSERT_EQ(got_[i], i);
}

// ---- Mail to oneself ----------------------------------------------------------------------------

struct Chain {
  Mailbox* mailbox;
  int left;
  int delivered = 0;
  bool inside = false;
};

void SendOn(Shard&, const Envelope& envelope) {
  auto* chain = static_cast<Chain*>(envelope.object);
  EXPECT_FALSE(chain->inside) << "delivered from inside Send";
  chain->inside = true;
  ++chain->delivered;
  if (--chain->left > 0) chain->mailbox->Send(0, envelope);
  chain->inside = false;
}

TEST_F(MailboxTest, OwnMailIsNeverDeliveredFromInsideSend) {
  Send(a_, 0, 5);
  EXPECT_TRUE(got_.empty());
  EXPECT_FALSE(a_.InboxEmpty());
  EXPECT_TRUE(Flush(a_).empty());
  EXPECT_EQ(Deliver(a_), 1u);
  EXPECT_EQ(got_, Values{5});
}

TEST_F(MailboxTest, OwnMailThatOwnMailSendsWaitsForALaterTurn) {
  Chain chain{.mailbox = &a_, .left = 3};
  a_.Send(0, {.deliver = &SendOn, .object = &chain});
  for (int turn = 1; turn <= 3; ++turn) {
    EXPECT_EQ(Deliver(a_), 1u);
    EXPECT_EQ(chain.delivered, turn);
  }
  EXPECT_TRUE(a_.InboxEmpty());
}

TEST_F(MailboxTest, OwnMailThatForeignMailSendsFollowsIt) {
  Chain chain{.mailbox = &a_, .left = 3};
  b_.Send(0, {.deliver = &SendOn, .object = &chain});
  Flush(b_);
  EXPECT_EQ(Deliver(a_), 2u);
  EXPECT_EQ(chain.delivered, 2);
  EXPECT_EQ(Deliver(a_), 1u);
  EXPECT_EQ(chain.delivered, 3);
}

// ---- Sleep --------------------------------------------------------------------------------------

TEST_F(MailboxTest, ASleeperIsWokenOnce) {
  ASSERT_TRUE(b_.PrepareSleep());
  Send(a_, 1, 1);
  EXPECT_EQ(Flush(a_), std::vector<ShardId>{1});
  Send(a_, 1, 2);
  EXPECT_TRUE(Flush(a_).empty()) << "it was woken already";
  Send(c_, 1, 3);
  EXPECT_TRUE(Flush(c_).empty());
}

TEST_F(MailboxTest, NobodyIsWokenWithoutMail) {
  ASSERT_TRUE(b_.PrepareSleep());
  EXPECT_TRUE(Flush(a_).empty());
  Send(a_, 2, 1);
  EXPECT_TRUE(Flush(a_).empty()) << "the receiver is awake and the sleeper has no mail";
}

TEST_F(MailboxTest, WhoHasMailDoesNotFallAsleep) {
  Send(a_, 1, 1);
  Flush(a_);
  EXPECT_FALSE(b_.PrepareSleep());
  Send(a_, 1, 2);
  EXPECT_TRUE(Flush(a_).empty()) << "no announcement may be left";
  Send(c_, 2, 1);
  EXPECT_FALSE(c_.PrepareSleep()) << "mail to oneself counts";
}

TEST_F(MailboxTest, OneWhoWokeByItselfIsNotWoken) {
  ASSERT_TRUE(b_.PrepareSleep());
  b_.Wake();
  Send(a_, 1, 1);
  EXPECT_TRUE(Flush(a_).empty());
}

// ---- Two threads --------------------------------------------------------------------------------

// A shard that sleeps on an eventfd instead of a ring.
class Peer {
 public:
  Peer(MailRoom& room, ShardId self) : mailbox_(room, self), self_(self), fd_(::eventfd(0, 0)) {}
  ~Peer() { ::close(fd_); }

  void Wake() {
    uint64_t one = 1;
    ASSERT_EQ(::write(fd_, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  }

  /// Sends `count` numbers in bursts of chance, takes as many from `other`, sleeps when idle.
  void Run(Peer& other, uint64_t count) {
    Random random(self_ + 1u);
    uint64_t sent = 0;
    while (sent < count || received_ < count) {
      if (::testing::Test::HasFailure()) return;
      // Sometimes quiet, sometimes more than a queue holds.
      uint64_t burst = random.Below(8) == 0 ? random.Below(2000) : random.Below(3);
      bool answering = received_ + 4000 > sent;  // nobody runs away from the other
      for (; answering && burst > 0 && sent < count; --burst, ++sent) {
        mailbox_.Send(other.self_, {.deliver = &Receive, .object = &other, .value = sent});
      }
      mailbox_.Flush([&](ShardId) { other.Wake(); });
      mailbox_.Deliver(NoShard(), 256);
      mailbox_.Flush([&](ShardId) { other.Wake(); });
      bool idle = sent == count || !answering;
      if (idle && received_ < count && mailbox_.OutboxEmpty() && mailbox_.PrepareSleep()) Sleep();
    }
    while (!mailbox_.OutboxEmpty()) mailbox_.Flush([&](ShardId) { other.Wake(); });
  }

  uint64_t sleeps() const { return sleeps_; }

 private:
  static void Receive(Shard&, const Envelope& envelope) {
    auto* peer = static_cast<Peer*>(envelope.object);
    ASSERT_EQ(envelope.value, peer->received_);
    ++peer->received_;
  }

  void Sleep() {
    ++sleeps_;
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    int ready = ::poll(&waiting, 1, 5000);
    ASSERT_EQ(ready, 1) << "shard " << self_ << " slept through its mail";
    uint64_t count = 0;
    ASSERT_EQ(::read(fd_, &count, sizeof(count)), static_cast<ssize_t>(sizeof(count)));
    mailbox_.Wake();
  }

  Mailbox mailbox_;
  ShardId self_;
  int fd_;
  uint64_t received_ = 0;
  uint64_t sleeps_ = 0;
};

TEST(MailboxThreadsTest, NoMailIsLostSwappedOrSleptThrough) {
  constexpr uint64_t kMails = 150'000;
  uint64_t sleeps = 0;
  // With two busy threads it may happen that neither ever finds its inbox empty: once more then.
  for (int round = 0; sleeps == 0 && round < 100 && !HasFailure(); ++round) {
    MailRoom room(2);
    Peer one(room, 0);
    Peer two(room, 1);
    std::thread other([&] { two.Run(one, kMails); });
    one.Run(two, kMails);
    other.join();
    sleeps = one.sleeps() + two.sleeps();
  }
  EXPECT_GT(sleeps, 0u);
}

// Sleeping after every mail: the race between the last look and the flag.
TEST(MailboxThreadsTest, EachOfManyShortNapsEnds) {
  constexpr int kRounds = 20'000;
  struct Player {
    Player(MailRoom& room, ShardId self)
        : mailbox(room, self), to(static_cast<ShardId>(1 - self)), fd(::eventfd(0, 0)) {}
    ~Player() { ::close(fd); }
    Mailbox mailbox;
    ShardId to;
    int fd;
    int received = 0;
  };
  MailRoom room(2);
  Player left(room, 0);
  Player right(room, 1);
  auto hit = [](Player& self, Player& other) {
    self.mailbox.Send(self.to, {.deliver =
                                    [](Shard&, const Envelope& mail) {
                                      ++static_cast<Player*>(mail.object)->received;
                                    },
                                .object = &other});
    self.mailbox.Flush([&](ShardId) { ::eventfd_write(other.fd, 1); });
  };
  auto play = [&](Player& self, Player& other, bool first) {
    if (first) hit(self, other);
    while (self.received < kRounds) {
      int before = self.received;
      self.mailbox.Deliver(NoShard(), 10);
      if (self.received > before && (!first || self.received < kRounds)) hit(self, other);
      if (self.received == kRounds || !self.mailbox.PrepareSleep()) continue;
      pollfd waiting{.fd = self.fd, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 5000) != 1) {
        ADD_FAILURE() << "slept through mail after " << self.received;
        return;
      }
      eventfd_t count = 0;
      ::eventfd_read(self.fd, &count);
      self.mailbox.Wake();
    }
  };
  std::thread other([&] { play(right, left, false); });
  play(left, right, true);
  other.join();
  EXPECT_EQ(left.received, kRounds);
  EXPECT_EQ(right.received, kRounds);
}

}  // namespace
}  // namespace flashdb
