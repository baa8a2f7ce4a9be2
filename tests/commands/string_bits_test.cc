// Bitmaps: the commands, and the functions they stand on.
#include <gtest/gtest.h>

#include "base/random.h"
#include "commands/bit_fields.h"
#include "commands/bit_ops.h"
#include "tests/commands/string_fixture.h"

namespace flashdb {
namespace {

using StringBitsTest = StringFixture;

TEST_F(StringBitsTest, SetBitReturnsTheOldBitAndGrowsTheString) {
  Expect({
      {"SETBIT k 7 1", ":0"},
      {R"(GET k)", "$1 \x01"},
      {"SETBIT k 7 0", ":1"},
      {"SETBIT k 20 0", ":0"},
      {"STRLEN k", ":3"},
      {"SETBIT k 0 1", ":0"},
      {"GETBIT k 0", ":1"},
      {"GETBIT k 1", ":0"},
      {"SET d 1 PX 8000", "+OK"},
      {"SETBIT d 6 1", ":0"},
      {"GET d", "$1 3"},
      {"@ttl d", ":8000"},
      {"@hash h", ":1"},
  });
  ExpectRefusals({
      {"SETBIT k 0 1", ":1"},
      {"SETBIT k 1 0", ":0"},
      {"GETBIT k 1000", ":0"},
      {"GETBIT none 0", ":0"},
      {"GETBIT k 4294967295", ":0"},
      {"SETBIT k -1 1", "-ERR bit offset is not an integer or out of range"},
      {"SETBIT k x 1", "-ERR bit offset is not an integer or out of range"},
      {"SETBIT k 4294967296 1", "-ERR bit offset is not an integer or out of range"},
      {"GETBIT k 4294967296", "-ERR bit offset is not an integer or out of range"},
      {"GETBIT k -1", "-ERR bit offset is not an integer or out of range"},
      {"SETBIT k 0 2", "-ERR bit is not an integer or out of range"},
      {"SETBIT k 0 -1", "-ERR bit is not an integer or out of range"},
      {"SETBIT k 0 x", "-ERR bit is not an integer or out of range"},
      {"SETBIT h 0 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"GETBIT h 0", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(StringBitsTest, BitFieldReadsSetsAndIncrementsFieldsOfAnyWidth) {
  Expect({
      {"BITFIELD k", "*0"},
      {"BITFIELD k GET u8 0 GET i64 3", "*2 :0 :0"},
      {"EXISTS k", "-ERR unknown command 'EXISTS'"},
      {"BITFIELD k SET u8 0 255 GET u4 4 get i4 0", "*3 :0 :15 :-1"},
      {"STRLEN k", ":1"},
      {"BITFIELD k SET i5 100 -3 GET i5 100 GET u5 100 GET u5 #20", "*4 :0 :-3 :29 :29"},
      {"STRLEN k", ":14"},
      {"BITFIELD k INCRBY u63 1000 9223372036854775807 INCRBY u63 1000 1",
       "*2 :9223372036854775807 :0"},
      {"BITFIELD k SET i64 7 -9223372036854775808 INCRBY i64 7 -1",
       "*2 :-9223372036854775808 "
       ":9223372036854775807"},
      {"SET s 1 PX 8000", "+OK"},
      {"BITFIELD s INCRBY u8 0 1", "*1 :50"},
      {"GET s", "$1 2"},
      {"@ttl s", ":8000"},
      {"BITFIELD_RO s GET u8 0 GET u8 #1", "*2 :50 :0"},
  });
}

TEST_F(StringBitsTest, BitFieldOverflowsAsAskedFor) {
  Expect({
      {"BITFIELD k SET u8 0 250 INCRBY u8 0 10", "*2 :0 :4"},
      {"BITFIELD k OVERFLOW SAT INCRBY u8 0 300 INCRBY u8 0 -300", "*2 :255 :0"},
      {"BITFIELD k OVERFLOW FAIL INCRBY u8 0 -1 OVERFLOW WRAP INCRBY u8 0 -1", "*2 $-1 :255"},
      {"BITFIELD k SET i8 0 127 INCRBY i8 0 1", "*2 :-1 :-128"},
      {"BITFIELD k OVERFLOW SAT INCRBY i8 0 -1 INCRBY i8 0 1000", "*2 :-128 :127"},
      {"BITFIELD k OVERFLOW fail SET i8 0 128 GET i8 0", "*2 $-1 :127"},
      {"BITFIELD k OVERFLOW SAT SET u8 0 -1 GET u8 0", "*2 :127 :255"},
      {"BITFIELD k OVERFLOW WRAP SET u8 0 -2 GET u8 0", "*2 :255 :254"},
      {"BITFIELD k SET i64 0 9223372036854775807 OVERFLOW SAT INCRBY i64 0 1 OVERFLOW WRAP INCRBY "
       "i64 0 1",
       "*3 :-144115188075855872 :9223372036854775807 :-9223372036854775808"},
      {"BITFIELD new OVERFLOW FAIL INCRBY u4 12 16", "*1 $-1"},
      {"STRLEN new", ":2"},
  });
}

TEST_F(StringBitsTest, BitFieldRefusesWhatItDoesNotKnow) {
  Expect({{"SET k x", "+OK"}, {"@hash h", ":1"}});
  const std::string bad_type =
      "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
      "i64 is.";
  const std::string bad_offset = "-ERR bit offset is not an integer or out of range";
  ExpectRefusals({
      {"BITFIELD k GET u64 0", bad_type},
      {"BITFIELD k GET i65 0", bad_type},
      {"BITFIELD k GET u0 0", bad_type},
      {"BITFIELD k GET U8 0", bad_type},
      {"BITFIELD k GET u8 -1", bad_offset},
      {"BITFIELD k GET u8 x", bad_offset},
      {"BITFIELD k GET u8 #999999999999999999", bad_offset},
      {"BITFIELD k SET u8 4294967296 1", bad_offset},
      {"BITFIELD k SET u8 0 x", "-ERR value is not an integer or out of range"},
      {"BITFIELD k SET u8 0", "-ERR syntax error"},
      {"BITFIELD k GET u8", "-ERR syntax error"},
      {"BITFIELD k OVERFLOW", "-ERR syntax error"},
      {"BITFIELD k what", "-ERR syntax error"},
      {"BITFIELD k SET u8 0 1 OVERFLOW what", "-ERR Invalid OVERFLOW type specified"},
      {"BITFIELD_RO k SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"},
      {"BITFIELD h GET u8 0", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"BITFIELD h SET u8 0 1",
       "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST(BitFieldTest, EveryFieldReadsBackAndLeavesItsNeighboursAlone) {
  Random random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(24, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.Next());
    const bool is_signed = random.Below(2) == 1;
    const BitFieldType type{is_signed,
                            static_cast<unsigned>(1 + random.Below(is_signed ? 64 : 63))};
    const uint64_t offset = random.Below(bytes.size() * 8 - type.bits + 1);
    const int64_t value =
        *FitField(static_cast<int64_t>(random.Next()), 0, type, BitOverflow::kWrap);
    std::string expected = bytes;
    for (unsigned i = 0; i < type.bits; ++i) {
      const uint64_t bit = offset + i;
      const unsigned mask = 0x80u >> (bit % 8);
      const bool one = (static_cast<uint64_t>(value) >> (type.bits - 1 - i) & 1) != 0;
      const unsigned old = static_cast<uint8_t>(expected[bit / 8]);
      expected[bit / 8] = static_cast<char>(one ? old | mask : old & ~mask);
    }
    FieldWindow window = OpenWindow(bytes, offset, type);
    WriteField(window, type, value);
    bytes.replace(offset / 8, window.size, reinterpret_cast<const char*>(window.bytes),
                  window.size);
    ASSERT_EQ(bytes, expected) << type.bits << " bits at " << offset;
    ASSERT_EQ(ReadField(OpenWindow(bytes, offset, type), type), value);
  }
}

TEST_F(StringBitsTest, BitCountCountsInBytesAndInBits) {
  Expect({{"SET k foobar", "+OK"}, {"SET empty ''", "+OK"}, {"@hash h", ":1"}});
  ExpectRefusals({
      {"BITCOUNT k", ":26"},
      {"BITCOUNT k 0 0", ":4"},
      {"BITCOUNT k 1 1", ":6"},
      {"BITCOUNT k 1 1 BYTE", ":6"},
      {"BITCOUNT k 5 30 BIT", ":17"},
      {"BITCOUNT k 0 -1 bit", ":26"},
      {"BITCOUNT k -2 -1", ":7"},
      {"BITCOUNT k -1 -2", ":0"},
      {"BITCOUNT k -10 -20", ":0"},
      {"BITCOUNT k -10 -20 BITS", ":0"},
      {"BITCOUNT k -20 -10", ":4"},
      {"BITCOUNT k 2 1", ":0"},
      {"BITCOUNT k 100 200", ":0"},
      {"BITCOUNT k 3 3 BIT", ":0"},
      {"BITCOUNT k 2 2 BIT", ":1"},
      {"BITCOUNT k -8 -1 BIT", ":4"},
      {"BITCOUNT empty 0 -1", ":0"},
      {"BITCOUNT empty", ":0"},
      {"BITCOUNT none", ":0"},
      {"BITCOUNT none 0 x", ":0"},
      {"BITCOUNT k 0", "-ERR syntax error"},
      {"BITCOUNT k 0 1 BITS", "-ERR syntax error"},
      {"BITCOUNT k 0 1 BIT 3", "-ERR syntax error"},
      {"BITCOUNT k a 1", "-ERR value is not an integer or out of range"},
      {"BITCOUNT k 1 a", "-ERR value is not an integer or out of range"},
      {"BITCOUNT h", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(StringBitsTest, BitPosFindsTheFirstBit) {
  Expect({
      {R"(SET k "\xff\xf0\x00")", "+OK"},
      {R"(SET ones "\xff\xff\xff")", "+OK"},
      {R"(SET zeros "\x00\x00\x00")", "+OK"},
      {"SET empty ''", "+OK"},
      {"@hash h", ":1"},
  });
  ExpectRefusals({
      {"BITPOS k 0", ":12"},
      {"BITPOS k 1", ":0"},
      {"BITPOS k 1 2", ":-1"},
      {"BITPOS k 0 2", ":16"},
      {"BITPOS k 0 0 0", ":-1"},
      {"BITPOS k 1 -2 -1", ":8"},
      {"BITPOS k 0 7 15 BIT", ":12"},
      {"BITPOS k 1 12 23 BIT", ":-1"},
      {"BITPOS k 0 9 11 BIT", ":-1"},
      {"BITPOS k 1 9 11 bit", ":9"},
      {"BITPOS ones 0", ":24"},
      {"BITPOS ones 0 1", ":24"},
      {"BITPOS ones 0 0 -1", ":-1"},
      {"BITPOS ones 0 5", ":-1"},
      {"BITPOS zeros 1", ":-1"},
      {"BITPOS zeros 0", ":0"},
      {"BITPOS zeros 0 2 1", ":-1"},
      {"BITPOS ones 1 -10 -20", ":0"},
      {"BITPOS empty 0", ":-1"},
      {"BITPOS empty 1", ":-1"},
      {"BITPOS none 0", ":0"},
      {"BITPOS none 1", ":-1"},
      {"BITPOS none 0 5 7", ":0"},
      {"BITPOS k 2", "-ERR The bit argument must be 1 or 0."},
      {"BITPOS none -1", "-ERR The bit argument must be 1 or 0."},
      {"BITPOS k x", "-ERR value is not an integer or out of range"},
      {"BITPOS k 0 x", "-ERR value is not an integer or out of range"},
      {"BITPOS k 0 0 x", "-ERR value is not an integer or out of range"},
      {"BITPOS k 0 0 1 BITS", "-ERR syntax error"},
      {"BITPOS k 0 0 1 BIT 1", "-ERR syntax error"},
      {"BITPOS h 0", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(StringBitsTest, BitOpCombinesStringsOfDifferentLengths) {
  Expect({
      {R"(SET a "\xff\x0f\xaa")", "+OK"},
      {R"(SET b "\x0f\xff")", "+OK"},
      {"BITOP AND d a b", ":3"},
      {"GET d", std::string_view("$3 \x0f\x0f\x00", 6)},
      {"BITOP or d a b", ":3"},
      {"GET d", "$3 \xff\xff\xaa"},
      {"BITOP XOR d a b a", ":3"},
      {"GET d", std::string_view("$3 \x0f\xff\x00", 6)},
      {"BITOP NOT d b", ":2"},
      {"GET d", std::string_view("$2 \xf0\x00", 5)},
      {"BITOP AND d a none", ":3"},
      {"GET d", std::string_view("$3 \x00\x00\x00", 6)},
      {"BITOP OR d none b", ":2"},
      {"GET d", "$2 \x0f\xff"},
      {"BITOP OR a a b", ":3"},
      {"GET a", "$3 \xff\xff\xaa"},
      {"BITOP AND d none none2", ":0"},
      {"GET d", "$-1"},
      {"SET d x PX 400", "+OK"},
      {"BITOP NOT d b", ":2"},
      {"@ttl d", ":-1"},
      {"BITOP NOT d none", ":0"},
      {"@ttl d", ":-2"},
      {"@hash h", ":1"},
      {"BITOP NOT h b", ":2"},
      {"@hash h2", ":1"},
  });
  ExpectRefusals({
      {"BITOP NAND d a b", "-ERR syntax error"},
      {"BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key."},
      {"BITOP AND d a h2", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"BITOP AND d none none2", ":0"},
  });
}

bool SlowBit(std::string_view bytes, int64_t bit) {
  return (static_cast<uint8_t>(bytes[static_cast<size_t>(bit / 8)]) & (128 >> (bit % 8))) != 0;
}

TEST(BitOpsTest, FastSearchesAgreeWithOneBitAtATime) {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(1 + random.Below(40), static_cast<char>(random.Below(2) * 255));
    for (uint64_t n = random.Below(4); n > 0; --n) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    }
    auto bits = static_cast<int64_t>(bytes.size() * 8);
    auto first = static_cast<int64_t>(random.Below(static_cast<uint64_t>(bits)));
    auto last = first + static_cast<int64_t>(random.Below(static_cast<uint64_t>(bits - first)));
    int64_t ones = 0;
    int64_t found[2] = {-1, -1};
    for (int64_t bit = last; bit >= first; --bit) {
      bool set = SlowBit(bytes, bit);
      ones += set ? 1 : 0;
      found[set ? 1 : 0] = bit;
      ASSERT_EQ(BitAt(bytes, static_cast<uint64_t>(bit)), set);
    }
    ASSERT_EQ(CountOnes(bytes, first, last), ones);
    ASSERT_EQ(FindBit(bytes, first, last, false), found[0]);
    ASSERT_EQ(FindBit(bytes, first, last, true), found[1]);
  }
}

TEST(BitOpsTest, CombiningWorksOnWholeWordsAndTheRest) {
  for (size_t size : {0, 1, 7, 8, 9, 31, 64}) {
    std::string bytes(20, '\x3c');
    CombineBits(BitOperation::kXor, bytes, std::string(size, '\x0f'));
    ASSERT_EQ(bytes.size(), std::max<size_t>(size, 20));
    for (size_t i = 0; i < bytes.size(); ++i) {
      EXPECT_EQ(bytes[i], (i < 20 ? 0x3c : 0) ^ (i < size ? 0x0f : 0)) << size << " " << i;
    }
  }
}

}  // namespace
}  // namespace flashdb
