package io.diskengine.engine.lvcheck;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.lvcheck.Finding.Severity;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each kind of damage is named: which rule, where, and nothing that is not so. */
class StoreCheckDamageTest {
  /** Of {@code lvs-basic}: pages of blobs and what they hold. */
  private static final int THICK8 = 1;

  private static final int THICK8_EXTENTS = 2;
  private static final int SNAP1 = 3;
  private static final int THIN16_EXTENTS = 4;
  private static final int THIN16 = 5;

  private record Case(String name, String fixture, Consumer<Damage> damage, List<String> expected) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final List<Case> CASES = new ArrayList<>();

  /** Expected: all findings, in order, as {@code rule@offset}. */
  private static void add(
      String fixture, String name, Consumer<Damage> damage, String... expected) {
    CASES.add(new Case(name, fixture, damage, List.of(expected)));
  }

  private static String at(int page, int offset) {
    return "@" + ((4 + page) * 4096 + offset);
  }

  static Stream<Case> damages() {
    CASES.clear();
    superBlock();
    masks();
    pages();
    descriptors();
    extents();
    relations();
    lvols();
    return CASES.stream();
  }

  private static void superBlock() {
    add("lvs-basic", "version", d -> d.superBlock(s -> s[8] = 9), "super-block@8");
    add("lvs-basic", "length", d -> d.superBlock(s -> s[12] = 1), "super-block@12");
    add("lvs-basic", "checksum", d -> d.flip(4092), "super-block@4092");
    add("lvs-basic", "reserved bytes", d -> d.superBlock(s -> s[200] = 1), "super-block@96");
    add(
        "lvs-basic",
        "cluster size",
        d -> d.superBlock(s -> Bytes.put32(s, 28, 0x100001)),
        "super-block@28");
    add(
        "lvs-basic",
        "size beyond the medium",
        d -> d.superBlock(s -> Bytes.put64(s, 80, 1L << 40)),
        "super-block@80");
    add(
        "lvs-basic",
        "metadata page size",
        d -> d.superBlock(s -> Bytes.put32(s, 92, 5000)),
        "super-block@92");
    add("lvs-basic", "io unit", d -> d.superBlock(s -> Bytes.put32(s, 88, 100)), "super-block@88");
    add(
        "lvs-basic",
        "no metadata",
        d -> d.superBlock(s -> Bytes.put32(s, 52, 0)),
        "super-block@52");
    add(
        "lvs-basic",
        "metadata beyond the store",
        d -> d.superBlock(s -> Bytes.put32(s, 52, -1)),
        "super-block@48",
        "limit@52");
    add(
        "lvs-basic",
        "masks that overlap",
        d -> d.superBlock(s -> Bytes.put32(s, 40, 1)),
        "super-block@40");
    add(
        "lvs-basic",
        "mask too small",
        d -> d.superBlock(s -> Bytes.put32(s, 36, 0)),
        "super-block@32");
  }

  private static void masks() {
    add("lvs-basic", "used cluster marked free", d -> d.flip(8192 + 5), "mask@8197");
    add(
        "lvs-basic",
        "free cluster marked used",
        d -> d.medium.write(8192 + 5 + 7, new byte[] {3}),
        "mask@8204");
    add("lvs-basic", "used page marked free", d -> d.flip(4096 + 5), "mask@4101");
    add("lvs-basic", "blob marked free", d -> d.flip(12288 + 5), "mask@12293");
    add(
        "lvs-basic",
        "blob that is not there",
        d -> d.medium.write(12288 + 12, new byte[] {1}),
        "lost-blob@12300");
    add("lvs-basic", "type of a mask", d -> d.flip(4096), "mask@4096");
    add("lvs-basic", "length of a mask", d -> d.flip(8193), "mask@8193");
    add(
        "lvs-basic",
        "bits behind a mask",
        d -> d.medium.write(8192 + 100, new byte[] {1}),
        "mask@8205");
  }

  private static void pages() {
    add(
        "lvs-basic",
        "checksum of an extent page",
        d -> d.flip(d.offset(THIN16_EXTENTS) + 30),
        "page-checksum" + at(THIN16_EXTENTS, 4092),
        "mask@8198");
    add(
        "lvs-basic",
        "checksum of a first page",
        d -> d.flip(d.offset(THICK8) + 30),
        "mask@4101",
        "page-checksum" + at(THICK8, 4092),
        "lost-blob@12293",
        "mask@8197");
    add(
        "lvs-extent",
        "sequence in a chain",
        d -> d.dirty().page(530, p -> p[8] = 5),
        "chain@" + Damage.of("lvs-extent").offset(530));
    add(
        "lvs-extent",
        "chain that ends in nowhere",
        d -> d.dirty().page(530, p -> Bytes.put32(p, 4088, 1 << 20)),
        "chain@" + (Damage.of("lvs-extent").offset(530) + 4088));
    add(
        "lvs-extent",
        "chain that comes back",
        d -> d.dirty().page(530, p -> Bytes.put32(p, 4088, 1)),
        "chain@" + Damage.of("lvs-extent").offset(1));
    add(
        "lvs-basic",
        "reserved field",
        d -> d.page(THICK8, p -> p[12] = 1),
        "chain" + at(THICK8, 12));
  }

  private static void descriptors() {
    Damage basic = Damage.of("lvs-basic");
    int flags = basic.descriptor(THIN16, Descriptors.FLAGS);
    int end = basic.end(THIN16);
    int name = basic.xattr(THIN16, "name");
    add(
        "lvs-basic",
        "unknown descriptor",
        d -> d.page(THIN16, p -> p[end] = 9),
        "descriptor" + at(THIN16, end));
    add(
        "lvs-basic",
        "descriptor longer than its page",
        d ->
            d.page(
                THIN16,
                p -> {
                  p[end] = 9;
                  Bytes.put32(p, end + 1, -1);
                }),
        "descriptor" + at(THIN16, end));
    add(
        "lvs-basic",
        "unknown invalid flag",
        d -> d.page(THIN16, p -> p[flags + 6] = 1),
        "flags" + at(THIN16, flags + 5));
    add(
        "lvs-basic",
        "unknown data_ro flag",
        d -> d.page(THIN16, p -> p[flags + 13] = 2),
        "flags" + at(THIN16, flags + 13));
    add(
        "lvs-basic",
        "unknown md_ro flag",
        d -> d.page(THIN16, p -> p[flags + 21] = 4),
        "flags" + at(THIN16, flags + 21));
    add(
        "lvs-basic",
        "flags twice",
        d -> d.page(THIN16, p -> System.arraycopy(p, flags, p, end, 29)),
        "flags" + at(THIN16, end));
    add(
        "lvs-basic",
        "xattr twice",
        d -> d.page(THIN16, p -> System.arraycopy(p, name, p, end, 77)),
        "xattr" + at(THIN16, end));
    add(
        "lvs-basic",
        "lengths within an xattr",
        d -> d.page(THIN16, p -> p[name + 7] = 1),
        "xattr" + at(THIN16, name),
        "lvol-name" + at(THIN16, 0));
  }

  private static void extents() {
    Damage basic = Damage.of("lvs-basic");
    int table = basic.descriptor(THIN16, Descriptors.EXTENT_TABLE);
    int end = basic.end(THIN16);
    add(
        "lvs-basic",
        "size that differs from its extent page",
        d -> d.page(THIN16, p -> p[table + 5] = 17),
        "extent-page" + at(THIN16_EXTENTS, 17),
        "mask@8198");
    add(
        "lvs-basic",
        "table for too few clusters",
        d -> d.page(THIN16, p -> Bytes.put64(p, table + 5, 1000)),
        "extent-page" + at(THIN16_EXTENTS, 17),
        "extents" + at(THIN16, 16),
        "mask@8198");
    add(
        "lvs-basic",
        "extent page twice",
        d -> d.page(THIN16, p -> p[table + 17] = 2),
        "extents" + at(THIN16, table + 13),
        "extents" + at(THIN16, 16),
        "mask@4101",
        "mask@8198");
    add(
        "lvs-basic",
        "extent page beyond the metadata",
        d -> d.page(THIN16, p -> Bytes.put32(p, table + 13, 64)),
        "extents" + at(THIN16, table + 13),
        "mask@4101",
        "mask@8198");
    add(
        "lvs-basic",
        "extent page of another blob",
        d -> d.page(THIN16, p -> Bytes.put32(p, table + 13, THICK8_EXTENTS)),
        "page-owner" + at(THICK8_EXTENTS, 0),
        "mask@4101",
        "mask@8198");
    add(
        "lvs-basic",
        "both kinds of extents",
        d ->
            d.page(
                THIN16,
                p -> {
                  p[end] = 1;
                  p[end + 1] = 8;
                  p[end + 9] = 1;
                }),
        "extents" + at(THIN16, end));
    add(
        "lvs-basic",
        "first index of an extent page",
        d -> d.page(THIN16_EXTENTS, p -> p[21] = 1),
        "extent-page" + at(THIN16_EXTENTS, 21),
        "mask@8198");
    add(
        "lvs-basic",
        "next page of an extent page",
        d -> d.page(THIN16_EXTENTS, p -> p[4088] = 1),
        "extent-page" + at(THIN16_EXTENTS, 4088));
    add(
        "lvs-basic",
        "cluster of two blobs",
        d -> d.page(THIN16_EXTENTS, p -> p[25] = 2),
        "cluster-owner" + at(THIN16_EXTENTS, 25),
        "mask@8198");
    add(
        "lvs-basic",
        "cluster twice in a blob",
        d -> d.page(THIN16_EXTENTS, p -> p[25] = 10),
        "cluster-owner" + at(THIN16_EXTENTS, 25 + 20),
        "mask@8198");
    add(
        "lvs-basic",
        "cluster beyond the store",
        d -> d.page(THIN16_EXTENTS, p -> Bytes.put32(p, 29, 0x40000000)),
        "cluster-range" + at(THIN16_EXTENTS, 29));
    add(
        "lvs-basic",
        "thick blob without a cluster",
        d -> d.page(THICK8_EXTENTS, p -> Bytes.put32(p, 25 + 28, 0)),
        "allocation" + at(THICK8_EXTENTS, 25 + 28),
        "mask@8198");
    add(
        "lvs-basic",
        "thick blob without an extent page",
        d ->
            d.page(
                THICK8,
                p -> Bytes.put32(p, d.descriptor(THICK8, Descriptors.EXTENT_TABLE) + 13, 0)),
        "allocation" + at(THICK8, basic.descriptor(THICK8, Descriptors.EXTENT_TABLE) + 13),
        "mask@4101",
        "mask@8197");
  }

  private static void relations() {
    Damage basic = Damage.of("lvs-basic");
    int snap = basic.value(THIN16, "SNAP");
    add(
        "lvs-basic",
        "parent that is not there",
        d -> d.page(THIN16, p -> Bytes.put64(p, snap, 0x1_0000_0040L)),
        "snapshot" + at(THIN16, 0));
    add(
        "lvs-basic",
        "own parent",
        d -> d.page(THIN16, p -> p[snap] = THIN16),
        "snapshot" + at(THIN16, 0));
    add(
        "lvs-basic",
        "writable parent",
        d -> d.page(THIN16, p -> p[snap] = THICK8),
        "snapshot" + at(THIN16, 0));
    add(
        "lvs-basic",
        "clone without thin flag",
        d ->
            d.page(
                THIN16, p -> p[d.descriptor(THIN16, Descriptors.FLAGS) + 5] &= (byte) ~Blob.THIN),
        Stream.concat(
                IntStream.range(0, 16)
                    .filter(i -> i != 0 && i != 5 && i != 8)
                    .mapToObj(i -> "allocation" + at(THIN16_EXTENTS, 25 + 4 * i)),
                Stream.of("snapshot" + at(THIN16, 0)))
            .toArray(String[]::new));
    add(
        "lvs-basic",
        "ancestors in a circle",
        d -> {
          d.mark(SNAP1, "SNAP", 0x1_0000_0005L);
          d.page(THIN16, p -> p[d.descriptor(THIN16, Descriptors.FLAGS) + 13] = 1);
        },
        "snapshot" + at(SNAP1, 0));
    add(
        "lvs-basic",
        "unfinished snapshot of itself",
        d -> d.mark(SNAP1, "SNAPTMP", 0x1_0000_0003L),
        "unfinished-snapshot" + at(SNAP1, 0));
    add(
        "lvs-esnap",
        "external snapshot without its flag",
        d ->
            d.page(
                SNAP1, p -> p[d.descriptor(SNAP1, Descriptors.FLAGS) + 5] &= (byte) ~Blob.EXTERNAL),
        "external-snapshot@" + (Damage.of("lvs-esnap").offset(SNAP1)));
    add(
        "lvs-esnap",
        "external snapshot that is no uuid",
        d -> d.page(SNAP1, p -> p[d.value(SNAP1, "EXTSNAP")] = 'x'),
        "external-snapshot@" + (Damage.of("lvs-esnap").offset(SNAP1)));
  }

  private static void lvols() {
    Damage basic = Damage.of("lvs-basic");
    add(
        "lvs-basic",
        "name of another lvol",
        d ->
            d.page(
                THIN16,
                p -> copy(d.page(THICK8), d.value(THICK8, "name"), p, d.value(THIN16, "name"), 64)),
        "lvol-name" + at(THIN16, 0));
    add(
        "lvs-basic",
        "uuid of another lvol",
        d ->
            d.page(
                THIN16,
                p -> copy(d.page(THICK8), d.value(THICK8, "uuid"), p, d.value(THIN16, "uuid"), 36)),
        "lvol-uuid" + at(THIN16, 0));
    add(
        "lvs-basic",
        "empty name",
        d -> d.page(THIN16, p -> p[basic.value(THIN16, "name")] = 0),
        "lvol-name" + at(THIN16, 0));
    add(
        "lvs-basic",
        "name without end",
        d ->
            d.page(
                THIN16,
                p ->
                    Arrays.fill(
                        p,
                        basic.value(THIN16, "name"),
                        basic.value(THIN16, "name") + 64,
                        (byte) 'a')),
        "lvol-name" + at(THIN16, 0));
    add(
        "lvs-basic",
        "uuid that is none",
        d -> d.page(THIN16, p -> p[basic.value(THIN16, "uuid") + 8] = 'x'),
        "lvol-uuid" + at(THIN16, 0));
    add(
        "lvs-basic",
        "store without name",
        d -> d.page(0, p -> p[basic.xattr(0, "name") + 9] = 'x'),
        "lvol-store" + at(0, 0));
    add(
        "lvs-basic",
        "store without uuid",
        d -> d.page(0, p -> p[basic.xattr(0, "uuid") + 9] = 'x'),
        "lvol-store" + at(0, 0));
    add(
        "lvs-basic",
        "super blob that is none",
        d -> d.superBlock(s -> Bytes.put64(s, 20, 0x1_0000_0039L)),
        "lvol-store@20");
  }

  private static void copy(byte[] from, int at, byte[] into, int to, int length) {
    System.arraycopy(from, at, into, to, length);
  }

  @ParameterizedTest
  @MethodSource("damages")
  void damageIsNamed(Case each) {
    Damage damage = Damage.of(each.fixture);
    each.damage.accept(damage);
    Report report = damage.medium.check();
    List<Finding> wrong =
        report.findings().stream().filter(f -> f.severity() == Severity.INCONSISTENT).toList();
    List<String> found =
        wrong.stream()
            .map(f -> f.rule().code() + "@" + f.place().offsetBytes())
            .distinct()
            .toList();
    assertThat(found).as(wrong.toString()).isEqualTo(each.expected);
  }

  @Test
  void whatIsNoStoreIsSaidSo() throws IOException {
    MemoryMedium basic = MemoryMedium.fixture("lvs-basic");
    basic.write(0, new byte[] {'X'});
    assertThat(StoreCheck.check(basic))
        .isEqualTo(new StoreCheck.Result.NoStore("no blobstore: byte 0 is not SPDKBLOB"));
    assertThat(StoreCheck.check(new MemoryMedium(512)))
        .isEqualTo(new StoreCheck.Result.NoStore("512 bytes are fewer than a super block has"));
  }

  @Test
  void lineSaysObjectPlaceValueAndRule() {
    Damage damage = Damage.of("lvs-basic");
    damage.page(THIN16_EXTENTS, p -> p[25] = 2);
    assertThat(damage.medium.check().findings().getFirst())
        .hasToString(
            "inconsistent: blob 0x100000005 \"thin16\", metadata page 4 byte 32793: cluster 2 at"
                + " index 0 belongs to blob 0x100000001 \"thick8\" as well; expected each cluster"
                + " with one owner [cluster-owner]");
  }

  @Test
  void tornExtentPageOfADirtyStoreIsWrongUnlessItHasAShadow() {
    Damage damage = Damage.of("lvs-basic").dirty();
    byte[] whole = damage.page(THIN16_EXTENTS);
    damage.flip(damage.offset(THIN16_EXTENTS) + 30);
    Report without = damage.medium.check();
    assertThat(without.findings().getFirst().rule()).isEqualTo(Rule.PAGE_CHECKSUM);
    assertThat(without.inconsistencies()).isEqualTo(1);
    damage.shadow(64, THIN16_EXTENTS, whole);
    Report with = damage.medium.check();
    assertThat(with.consistent()).as(with.findings().toString()).isTrue();
    assertThat(with.lvols()).isEqualTo(MemoryMedium.fixture("lvs-basic").check().lvols());
    assertThat(with.findings().stream().map(Finding::rule))
        .containsExactly(Rule.RECOVERY, Rule.SHADOW, Rule.SHADOW);
  }

  @Test
  void tornFirstPageOfADirtyStoreIsALostBlobUnlessItHasAShadow() {
    Damage damage = Damage.of("lvs-basic").dirty();
    byte[] whole = damage.page(THICK8);
    damage.flip(damage.offset(THICK8) + 60);
    Report without = damage.medium.check();
    assertThat(without.findings().getFirst().object()).isEqualTo("blob 0x100000001");
    assertThat(without.findings().getFirst().rule()).isEqualTo(Rule.PAGE_CHECKSUM);
    damage.shadow(64, THICK8, whole);
    assertThat(damage.medium.check().consistent()).isTrue();
  }

  @Test
  void cleanFlagTornFromItsChecksumIsADirtyStore() {
    Damage damage = Damage.of("lvs-basic");
    damage.medium.write(16, new byte[] {0});
    Report report = damage.medium.check();
    assertThat(report.consistent()).isTrue();
    assertThat(report.store().clean()).isFalse();
    assertThat(report.findings().getFirst().found())
        .isEqualTo("the super block was being written when power failed");
  }
}
