#include "aof/manifest.hpp"

#include <catch2/catch.hpp>

#include "base/crc32c.hpp"
#include "tests/base/fault_env.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::aof {
namespace {

using trefoil::testing::FaultEnv;
using trefoil::testing::TemporaryDirectory;

Manifest example() {
  Manifest manifest;
  manifest.epoch = 3;
  manifest.next_file = 9;
  manifest.next_unit = 812;
  manifest.hash_seed = 0x9f86d081884c7d65;
  manifest.base = BaseEntry{.number = 7, .start = 81264, .needs = 90112};
  manifest.synced = 131072;
  manifest.segments = {{.number = 6, .epoch = 2, .start = 65600, .end = 98304},
                       {.number = 8, .epoch = 3, .start = 98304, .end = std::nullopt}};
  manifest.properties = {{"empty", ""}, {"partitions", std::string("\x00\x01\n\xff", 4)}};
  return manifest;
}

TEST_CASE("A manifest is text, and comes back as it was") {
  const std::string text = example().encode();
  CHECK(text ==
        "TREFOILM 1\nepoch 3\nnext_file 9\nnext_unit 812\nhash_seed 9f86d081884c7d65\n"
        "base base-7.tfs start 81264 needs 90112\nsynced 131072\n"
        "segment log-6.tfl epoch 2 start 65600 end 98304\nsegment log-8.tfl epoch 3 start 98304 end -\n"
        "property empty \nproperty partitions 00010aff\ncrc 9a6e5f52\n");
  const auto decoded = Manifest::decode(text, "MANIFEST");
  REQUIRE(decoded.ok());
  CHECK(decoded.value() == example());
}

TEST_CASE("A manifest with a flipped bit or a missing end is corrupt, and says which file") {
  const std::string text = example().encode();
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = Manifest::decode(damaged, "dir/MANIFEST");
    REQUIRE(!decoded.ok());
    CHECK(decoded.error().code == ErrorCode::kCorruption);
    CHECK(decoded.error().message.find("'dir/MANIFEST'") != std::string::npos);
  }
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK(!Manifest::decode(std::string_view(text).substr(0, size), "MANIFEST").ok());
  }
}

TEST_CASE("A manifest with a right checksum and wrong content is refused, and says why") {
  // "" if it is fine.
  const auto refusal = [](const std::string& text) -> std::string {
    char crc[9];
    std::snprintf(crc, sizeof(crc), "%08x", crc32c(text));
    const auto decoded = Manifest::decode(text + "crc " + crc + "\n", "M");
    return decoded.ok() ? "" : decoded.error().message.substr(std::string("'M' is damaged: ").size());
  };
  const auto head = [](const std::string& synced, const std::string& epoch = "2", const std::string& next_file = "3") {
    return "TREFOILM 1\nepoch " + epoch + "\nnext_file " + next_file + "\nnext_unit 1\nhash_seed 0000000000000001\n" + synced;
  };
  const std::string synced = "synced 64\n";
  const std::string segment = "segment log-1.tfl epoch 1 start 64 end ";
  CHECK(refusal(head(synced) + segment + "-\n").empty());
  CHECK(refusal(head("synced 128\n") + segment + "128\nsegment log-2.tfl epoch 2 start 128 end -\n").empty());
  CHECK(refusal(head("base base-2.tfs start 64 needs 64\n" + synced) + segment + "-\n").empty());

  const std::string range = "a segment's numbers are out of range";
  CHECK(refusal(head(synced) + segment + "8\n") == range);                               // ends before it starts
  CHECK(refusal(head(synced) + "segment log-3.tfl epoch 1 start 64 end -\n") == range);  // a number not given out yet
  CHECK(refusal(head(synced) + "segment log-1.tfl epoch 3 start 64 end -\n") == range);  // an epoch to come
  CHECK(refusal(head("synced 72\n") + segment + "68\nsegment log-2.tfl epoch 2 start 68 end -\n") == range);  // within a record
  CHECK(refusal(head("synced 128\n") + segment + "128\nsegment log-1.tfl epoch 1 start 128 end -\n") == range);  // one file twice

  const std::string gap = "the segments leave a gap";
  CHECK(refusal(head("synced 136\n") + segment + "128\nsegment log-2.tfl epoch 2 start 136 end -\n") == gap);
  CHECK(refusal(head("synced 128\n") + segment + "-\nsegment log-2.tfl epoch 2 start 128 end -\n") == gap);

  // But for the one that a repair leaves, where the log was cut below what the checkpoint needs.
  const auto beyond = [&](const std::string& start) {
    return head("base base-2.tfs start 64 needs 136\nsynced 136\n") + segment + "128\nsegment log-2.tfl epoch 2 start " + start +
           " end 136\n";
  };
  CHECK(refusal(beyond("136")).empty());
  CHECK(refusal(beyond("120")) == gap);
  CHECK(refusal(beyond("144")) == gap);

  const std::string mark = "the synced mark does not lie in the last segment";
  CHECK(refusal(head(synced) + segment + "128\nsegment log-2.tfl epoch 2 start 128 end -\n") == mark);
  CHECK(refusal(head("synced 136\n") + segment + "128\n") == mark);

  const std::string fit = "the checkpoint does not fit the log";
  CHECK(refusal(head("base base-2.tfs start 32 needs 64\n" + synced) + segment + "-\n") == fit);  // begins before the log
  CHECK(refusal(head("base base-2.tfs start 64 needs 72\n" + synced) + segment + "-\n") == fit);  // more than was ever on disk
  CHECK(refusal(head("base base-3.tfs start 64 needs 64\n" + synced) + segment + "-\n") == fit);  // a number not given out yet

  CHECK(refusal(head(synced)) == "epoch, synced mark or segments are missing");
  CHECK(refusal(head("synced 128\n") + "segment log-1.tfl epoch 1 start 128 end -\n") ==
        "the log's beginning is missing and there is no checkpoint");
  CHECK(refusal(head(synced, "4294967295") + segment + "-\n") == "there is no next epoch or file number");
  CHECK(refusal(head(synced, "2", "18446744073709551615") + segment + "-\n") == "there is no next epoch or file number");

  CHECK(refusal(head(synced) + segment + "-\nnonsense 1\n") == "line 8 is not understood");
  CHECK(refusal(head(synced) + "segment log-x.tfl epoch 1 start 64 end -\n") == "line 7 is not understood");
  CHECK(refusal(head(synced) + std::string(1 << 20, ' ') + "\n" + segment + "-\n") == "line 7 is not understood");
  CHECK(refusal("nonsense\n" + segment + "-\n") == "line 1 is not understood");

  const std::string lines = "its lines are not those that a manifest of this content has";
  CHECK(refusal(head(synced + synced) + segment + "-\n") == lines);
  CHECK(refusal(head(synced) + segment + "-\nproperty a 00\nproperty a 00\n") == lines);
  CHECK(refusal(head(synced) + segment + "0064\n") == lines);
  CHECK(refusal(head("") + segment + "-\n" + synced) == lines);
}

TEST_CASE("A manifest of a newer format is refused as such, not as damaged") {
  std::string text = "TREFOILM 2\nwhatever that may say\n";
  char crc[9];
  std::snprintf(crc, sizeof(crc), "%08x", crc32c(text));
  text += std::string("crc ") + crc + "\n";
  const auto decoded = Manifest::decode(text, "dir/MANIFEST");
  REQUIRE(!decoded.ok());
  CHECK(decoded.error().code == ErrorCode::kUnsupported);
  CHECK(decoded.error().message.find("'dir/MANIFEST'") != std::string::npos);
}

TEST_CASE("A manifest that could not be read again is not written") {
  const TemporaryDirectory directory;
  ManifestStore store(Env::system(), directory.path(), example());
  REQUIRE(store.update([](Manifest&) {}).ok());
  const Status status =
      store.update([](Manifest& manifest) { manifest.properties["large"] = std::string(kMaxManifestBytes / 2, 'x'); });
  REQUIRE(!status.ok());
  CHECK(status.error().message.find("MANIFEST") != std::string::npos);
  CHECK(ManifestStore::read(Env::system(), directory.path()).value() == example());
  CHECK(store.current() == example());
}

TEST_CASE("A manifest is replaced as a whole, whichever call fails") {
  for (std::uint64_t n = 1;; ++n) {
    const TemporaryDirectory directory;
    FaultEnv env(Env::system());
    ManifestStore store(env, directory.path(), example());
    REQUIRE(store.update([](Manifest&) {}).ok());
    env.failAt(n, {.kinds = trefoil::testing::kAnyCall, .persistent = true});
    const Status status = store.update([](Manifest& manifest) { manifest.next_unit = 1000; });
    const bool done = !env.fired();
    env.crash();
    env.restart();
    const auto read = ManifestStore::read(env, directory.path());
    REQUIRE(read.ok());
    CHECK(status.ok() == done);
    CHECK(read->next_unit == (done ? 1000 : 812));  // not synced: the old one comes back
    if (done) {
      CHECK(n > 4);
      break;
    }
  }
}

TEST_CASE("File numbers are given out once, also across an update") {
  const TemporaryDirectory directory;
  ManifestStore store(Env::system(), directory.path(), example());
  CHECK(store.takeFileNumber() == 9);
  CHECK(store.takeFileNumber() == 10);
  REQUIRE(store.update([](Manifest&) {}).ok());
  CHECK(store.takeFileNumber() == 11);
  CHECK(ManifestStore::read(Env::system(), directory.path())->next_file == 11);
}

}  // namespace
}  // namespace trefoil::aof
