package io.diskengine.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.api.Fixture.Answer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

final class VolumeApiTest {
  private static Fixture fixture;

  @BeforeAll
  static void start() {
    fixture = new Fixture("sn1", "sn2", "bm1", "bm2");
  }

  @AfterAll
  static void stop() {
    fixture.close();
  }

  private static String volume(String name, long sizeMib, int replicas) {
    return "{\"name\":\"%s\",\"sizeBytes\":%d,\"replicas\":%d}"
        .formatted(name, sizeMib << 20, replicas);
  }

  private static String node(String name) {
    return "{\"node\":\"" + name + "\"}";
  }

  @Test
  void volumeMovesInOrderAndByForce() {
    fixture.post("/v1/volumes?wait=10", volume("mv", 64, 2));
    assertThat(fixture.post("/v1/volumes/mv/move", node("bm2")).text("message"))
        .isEqualTo("volume mv is not attached: attach it");
    fixture.put("/v1/volumes/mv/attachment?wait=10", node("bm1"));
    Answer moved = fixture.post("/v1/volumes/mv/move?wait=10", node("bm2"));
    assertThat(moved.status()).isEqualTo(200);
    assertThat(moved.body().at("/attachment/node").stringValue()).isEqualTo("bm2");
    assertThat(moved.body().at("/attachment/state").stringValue()).isEqualTo("ATTACHED");
    Answer again = fixture.post("/v1/volumes/mv/move?wait=10", node("bm2"));
    assertThat(again.status()).isEqualTo(200);
    Answer back = fixture.post("/v1/volumes/mv/move?wait=10", "{\"node\":\"bm1\",\"force\":true}");
    assertThat(back.status()).isEqualTo(200);
    assertThat(back.body().at("/attachment/node").stringValue()).isEqualTo("bm1");
    assertThat(fixture.delete("/v1/volumes/mv/attachment?force=maybe").status()).isEqualTo(422);
    Answer forced = fixture.delete("/v1/volumes/mv/attachment?force=true&wait=10");
    assertThat(forced.status()).isEqualTo(200);
    assertThat(forced.body().has("attachment")).isFalse();
    assertThat(fixture.delete("/v1/volumes/mv?wait=10").status()).isEqualTo(204);
  }

  @Test
  void volumeGrowsAndIsLimited() {
    fixture.post("/v1/volumes?wait=10", volume("gr", 64, 2));
    Answer grown = fixture.put("/v1/volumes/gr/size?wait=10", "{\"sizeBytes\":134217728}");
    assertThat(grown.status()).isEqualTo(200);
    assertThat(grown.body().at("/sizeBytes").longValue()).isEqualTo(128L << 20);
    assertThat(grown.body().at("/guestBytes").longValue()).isEqualTo(131L << 20);
    assertThat(grown.text("state")).isEqualTo("AVAILABLE");
    Answer smaller = fixture.put("/v1/volumes/gr/size", "{\"sizeBytes\":67108864}");
    assertThat(smaller.text("message"))
        .isEqualTo("volume gr has 128MiB: it cannot be made smaller");
    Answer limited = fixture.put("/v1/volumes/gr/limits", "{\"iops\":5000,\"mbps\":20}");
    assertThat(limited.body().at("/iopsLimit").longValue()).isEqualTo(5000);
    assertThat(fixture.get("/v1/volumes/gr").body().at("/mbpsLimit").longValue()).isEqualTo(20);
    assertThat(fixture.put("/v1/volumes/gr/limits", "{}").body().at("/iopsLimit").longValue())
        .isZero();
    assertThat(fixture.delete("/v1/volumes/gr?wait=10").status()).isEqualTo(204);
  }

  @Test
  void detachLooksForTheGuestBeforeItRefuses() throws Exception {
    fixture.post("/v1/volumes?wait=10", volume("gu", 1024, 2));
    assertThat(fixture.put("/v1/volumes/gu/attachment?wait=10", node("bm1")).status())
        .isEqualTo(200);
    StandInAgent agent = fixture.agents.get("bm1");
    agent.guest(true);
    while (!fixture.store.volume("gu").orElseThrow().vmMapping().guestConnected()) {
      Thread.sleep(10);
    }
    Answer refused = fixture.delete("/v1/volumes/gu/attachment");
    assertThat(refused.status()).isEqualTo(409);
    assertThat(refused.text("message")).startsWith("a guest on bm1 is connected to volume gu");
    agent.guest(false);
    assertThat(fixture.delete("/v1/volumes/gu/attachment?wait=10").status()).isEqualTo(200);
    assertThat(fixture.delete("/v1/volumes/gu?wait=10").status()).isEqualTo(204);
  }

  @Test
  void nodesGetNoNewWorkAndAreEmptied() {
    Answer cordoned =
        fixture.put("/v1/nodes/sn1/schedulability", "{\"schedulability\":\"CORDONED\"}");
    assertThat(cordoned.text("schedulability")).isEqualTo("CORDONED");
    Answer refused = fixture.post("/v1/volumes", volume("cordon", 1024, 2));
    assertThat(refused.text("message")).contains("sn1: is CORDONED");
    Answer back = fixture.put("/v1/nodes/sn1/schedulability", "{\"schedulability\":\"ACTIVE\"}");
    assertThat(back.status()).isEqualTo(200);
    assertThat(fixture.get("/v1/nodes/sn1/schedulability").body()).isEqualTo(back.body());
    Answer none = fixture.put("/v1/nodes/nope/schedulability", "{\"schedulability\":\"ACTIVE\"}");
    assertThat(none.status()).isEqualTo(404);
  }

  @Test
  void volumeGoesFromCreateToGone() {
    Answer created = fixture.post("/v1/volumes?wait=10", volume("db", 1024, 2));
    assertThat(created.status()).isEqualTo(201);
    assertThat(created.text("state")).isEqualTo("AVAILABLE");
    assertThat(created.body().at("/guestBytes").longValue()).isEqualTo(1027L << 20);
    assertThat(created.body().at("/placement").valueStream().map(r -> r.get("node").stringValue()))
        .containsExactlyInAnyOrder("sn1", "sn2");
    assertThat(created.body().has("waitingFor")).isFalse();

    Answer attached = fixture.put("/v1/volumes/db/attachment?wait=10", node("bm1"));
    assertThat(attached.status()).isEqualTo(200);
    assertThat(attached.text("state")).isEqualTo("ATTACHED");
    assertThat(attached.text("socketPath")).startsWith("/run/diskengine/vhost");
    assertThat(fixture.get("/v1/volumes/db/attachment").body()).isEqualTo(attached.body());
    assertThat(fixture.get("/v1/volumes/db").body().at("/attachment/node").stringValue())
        .isEqualTo("bm1");

    Answer early = fixture.delete("/v1/volumes/db");
    assertThat(early.status()).isEqualTo(409);
    assertThat(early.text("code")).isEqualTo("WRONG_STATE");
    assertThat(early.text("message")).isEqualTo("volume db is attached: detach it first");

    Answer detached = fixture.delete("/v1/volumes/db/attachment?wait=10");
    assertThat(detached.status()).isEqualTo(200);
    assertThat(detached.body().has("attachment")).isFalse();
    assertThat(fixture.delete("/v1/volumes/db/attachment").status()).isEqualTo(200);

    assertThat(fixture.delete("/v1/volumes/db?wait=10").status()).isEqualTo(204);
    Answer twice = fixture.delete("/v1/volumes/db?wait=10");
    assertThat(twice.status()).isEqualTo(404);
    assertThat(twice.text("message")).isEqualTo("there is no volume db");
  }
}
