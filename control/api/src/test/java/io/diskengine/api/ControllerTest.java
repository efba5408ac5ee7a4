package io.diskengine.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.api.Fixture.Answer;
import io.diskengine.model.Event;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.StoreConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ControllerTest {
  private static final long GIB = 1L << 30;
  @TempDir private Path temp;

  private static String volume(String name) {
    return "{\"name\":\"" + name + "\",\"sizeBytes\":" + GIB + "}";
  }

  private static String node(String name) {
    return "{\"node\":\"" + name + "\"}";
  }

  @Test
  void requestsMayBeRepeated() {
    try (Fixture fixture = new Fixture("sn1", "sn2", "bm1")) {
      assertThat(fixture.post("/v1/volumes?wait=10", volume("db")).status()).isEqualTo(201);
      assertThat(fixture.post("/v1/volumes?wait=10", volume("db")).status()).isEqualTo(200);
      assertThat(fixture.get("/v1/volumes").body().at("/volumes")).hasSize(1);
      String path = "/v1/volumes/db/attachment?wait=10";
      Answer first = fixture.put(path, node("bm1"));
      assertThat(first.status()).isEqualTo(200);
      assertThat(fixture.put(path, node("bm1")).body()).isEqualTo(first.body());
      fixture.agents.get("bm1").hold(true);
      assertThat(fixture.delete("/v1/volumes/db/attachment").status()).isEqualTo(202);
      Answer detaching = fixture.delete("/v1/volumes/db/attachment");
      assertThat(detaching.status()).isEqualTo(202);
      assertThat(detaching.text("waitingFor")).isEqualTo("node bm1 to take the attachment down");
      Answer back = fixture.put(path, node("bm1"));
      assertThat(back.status()).isEqualTo(409);
      assertThat(back.text("message")).contains("DETACHING on node bm1");
      fixture.agents.get("bm1").hold(false);
      assertThat(fixture.delete(path).status()).isEqualTo(200);
      assertThat(fixture.delete("/v1/volumes/db").status()).isIn(202, 204);
    }
  }

  @Test
  void waitEndsInTimeAndSaysWhatIsMissing() {
    try (Fixture fixture = new Fixture("sn1", "sn2", "bm1")) {
      fixture.agents.get("sn2").hold(true);
      Answer created = fixture.post("/v1/volumes?wait=1", volume("db"));
      assertThat(created.status()).isEqualTo(202);
      assertThat(created.text("waitingFor")).isEqualTo("node sn2 to create it");
      Answer attached = fixture.put("/v1/volumes/db/attachment?wait=1", node("bm1"));
      assertThat(attached.status()).isEqualTo(202);
      assertThat(attached.text("state")).isEqualTo("ATTACHING");
      fixture.agents.get("sn2").hold(false);
      assertThat(fixture.put("/v1/volumes/db/attachment?wait=10", node("bm1")).status())
          .isEqualTo(200);
    }
  }

  @Test
  void volumeIsDeletedWhileItsCreatorWaits() throws Exception {
    try (Fixture fixture = new Fixture("sn1", "sn2");
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      fixture.agents.values().forEach(a -> a.hold(true));
      Future<Answer> creator =
          threads.submit(() -> fixture.post("/v1/volumes?wait=20", volume("db")));
      while (fixture.get("/v1/volumes").body().at("/volumes").isEmpty()) {
        Thread.onSpinWait();
      }
      fixture.delete("/v1/volumes/db");
      assertThat(creator.get().text("state")).isEqualTo("DELETING");
    }
  }

  @Test
  void everyOneOf200AtOnceIsCreatedAndAttachedWithoutOversubscription() throws Exception {
    try (Fixture fixture = new Fixture("sn1", "sn2", "bm1");
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Answer>> answers = new ArrayList<>();
      long startNs = System.nanoTime();
      for (int i = 0; i < 200; i++) {
        String name = "v" + i;
        answers.add(
            threads.submit(() -> {
              Answer created = fixture.post("/v1/volumes", volume(name));
              assertThat(created.status()).as(created.body().toString()).isEqualTo(201);
              return fixture.put("/v1/volumes/" + name + "/attachment?wait=60", node("bm1"));
            }));
      }
      for (Future<Answer> answer : answers) {
        assertThat(answer.get().text("state")).isEqualTo("ATTACHED");
      }
      System.out.printf(
          "200 at once: created and attached in %d ms%n",
          (System.nanoTime() - startNs) / 1_000_000);
    }
  }

  @Test
  void concurrentCreatesNeverPromiseMoreThanThereIs() throws Exception {
    try (Fixture fixture = new Fixture("sn1");
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      // 1 TiB less 1 % ballast: 9 replicas of 100 GiB and 4 MiB fit, the 10th does not.
      List<Future<Answer>> answers = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        String body = "{\"name\":\"v%d\",\"sizeBytes\":%d,\"replicas\":1}".formatted(i, 100 * GIB);
        answers.add(threads.submit(() -> fixture.post("/v1/volumes", body)));
      }
      int created = 0;
      for (Future<Answer> answer : answers) {
        if (answer.get().status() == 201) {
          created++;
        } else {
          assertThat(answer.get().text("code")).isEqualTo("NO_PLACE");
        }
      }
      assertThat(created).isEqualTo(10);
    }
  }

  @Test
  void oneAtATimeIsAttachedWithinMilliseconds() {
    try (Fixture fixture = new Fixture("sn1", "sn2", "bm1")) {
      int rounds = 40;
      int warmUp = 20;
      long[] tookNs = new long[rounds];
      for (int i = -warmUp; i < rounds; i++) {
        String name = i < 0 ? "w" + -i : "v" + i;
        long startNs = System.nanoTime();
        fixture.post("/v1/volumes", volume(name));
        Answer answer = fixture.put("/v1/volumes/" + name + "/attachment?wait=10", node("bm1"));
        assertThat(answer.status()).isEqualTo(200);
        if (i >= 0) {
          tookNs[i] = System.nanoTime() - startNs;
        }
      }
      Arrays.sort(tookNs);
      System.out.printf(
          "create -> attached with stand-in agents: p50 %.1f ms, max %.1f ms%n",
          tookNs[rounds / 2] / 1e6, tookNs[rounds - 1] / 1e6);
      // Far below any polling interval, far above what a slow machine needs.
      assertThat(tookNs[rounds / 2]).isLessThan(500_000_000L);
    }
  }

  @Test
  void whyGoesFromTheVolumeDownToTheDataPlaneThatIsGone() {
    try (Fixture fixture = new Fixture("sn1", "sn2", "bm1")) {
      fixture.post("/v1/volumes?wait=10", volume("db"));
      fixture.put("/v1/volumes/db/attachment?wait=10", node("bm1"));
      assertThat(fixture.get("/v1/why/volume/db").body().at("/waiting").booleanValue()).isFalse();

      StandInAgent sn2 = fixture.agents.get("sn2");
      sn2.session.write(
          new AgentWrite.NodeSeen(io.diskengine.model.DataPlaneState.DOWN, null, null));
      long leg = sn2.session.view().lvols().getFirst().id();
      fixture
          .agents
          .get("bm1")
          .session
          .write(
              new AgentWrite.PublishReasons(
                  List.of(
                      new Reason(
                          new ObjectRef(ObjectKind.LVOL, leg),
                          "its controller to be enabled",
                          Instant.parse("2026-01-01T00:00:00Z"),
                          3,
                          "connection refused",
                          null,
                          new ObjectRef(ObjectKind.NODE, sn2.session.nodeId())))));
      Answer why = fixture.get("/v1/why/volume/db");
      assertThat(why.body().at("/waiting").booleanValue()).isTrue();
      assertThat(why.text("rootCause")).isEqualTo("node sn2 waits for its data plane to be READY");
      assertThat(
              why.body()
                  .at("/levels")
                  .valueStream()
                  .map(l -> l.at("/depth").intValue() + " " + l.at("/object/kind").stringValue()))
          .containsExactly("0 volume", "1 volume-mapping", "2 lvol", "3 disk", "4 node");
      assertThat(why.body().at("/levels/2/lastError").stringValue())
          .isEqualTo("connection refused");
      assertThat(why.body().at("/levels/2/reportedBy").stringValue()).isEqualTo("bm1");
      assertThat(why.body().at("/levels/4").has("since")).isTrue();
      String id = why.body().at("/object/id").toString();
      assertThat(fixture.get("/v1/why/volume/" + id).body()).isEqualTo(why.body());
      assertThat(fixture.get("/v1/volumes/db").text("waitingFor")).isEmpty();
    }
  }

  @Test
  void whyNamesAnAgentThatIsGone() {
    try (Fixture fixture = new Fixture("sn1", "sn2")) {
      fixture.agents.values().forEach(a -> a.hold(true));
      fixture.post("/v1/volumes", volume("db"));
      fixture.agents.get("sn1").session.release();
      Answer why = fixture.get("/v1/why/volume/db");
      assertThat(why.text("rootCause"))
          .isEqualTo("node sn1 waits for its agent to run: no lease is held");
    }
  }

  @Test
  void planIsLiveWhenTheAgentAnswersElseTheLastOne() {
    try (Fixture fixture = new Fixture("sn1", "bm1")) {
      StandInAgent bm1 = fixture.agents.get("bm1");
      bm1.hold(true);
      bm1.session.write(new AgentWrite.PublishPlan("old plan"));
      Answer plans = fixture.get("/v1/plan?wait=3");
      assertThat(plans.body().at("/plans/0").toString())
          .isEqualTo("{\"node\":\"bm1\",\"live\":false,\"plan\":\"old plan\"}");
      assertThat(plans.body().at("/plans/1").toString())
          .isEqualTo("{\"node\":\"sn1\",\"live\":true,\"plan\":\"nothing to do on sn1\"}");
      assertThat(fixture.get("/v1/plan?node=sn1").body().at("/plans/0/live").booleanValue())
          .isFalse();
    }
  }

  @Test
  void eventsArePagedNewestFirst() {
    try (Fixture fixture = new Fixture("bm1")) {
      StandInAgent bm1 = fixture.agents.get("bm1");
      ObjectRef self = new ObjectRef(ObjectKind.NODE, bm1.session.nodeId());
      for (int i = 0; i < 5; i++) {
        bm1.session.write(
            new AgentWrite.AppendEvent(Event.Severity.INFO, self, "bm1", "event " + i));
      }
      Answer newest = fixture.get("/v1/events?limit=2");
      assertThat(newest.body().at("/events").valueStream().map(e -> e.get("message").stringValue()))
          .containsExactly("event 4", "event 3");
      long last = newest.body().at("/events/1/id").longValue();
      assertThat(
              fixture
                  .get("/v1/events?before=" + last)
                  .body()
                  .at("/events")
                  .valueStream()
                  .map(e -> e.get("message").stringValue()))
          .containsExactly("event 2", "event 1", "event 0");
    }
  }

  @Test
  void nodesAndDisksAreListed() {
    try (Fixture fixture = new Fixture("sn1", "bm1")) {
      assertThat(fixture.get("/v1/nodes").body().at("/nodes/1/addresses/0").stringValue())
          .isEqualTo("tcp:127.0.0.1:4420");
      assertThat(fixture.get("/v1/disks").body().at("/disks/0/node").stringValue())
          .isEqualTo("sn1");
    }
  }

  @Test
  void tokensAreAskedForWhereverRowsAreShown() throws IOException {
    Path file = Files.writeString(temp.resolve("tokens"), "# ours\n\n0123456789abcdef\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    try (Fixture fixture = new Fixture(file)) {
      for (String operation : Fixture.CONTRACT.operations()) {
        String[] parts = operation.split(" ");
        boolean open = Fixture.CONTRACT.operation(parts[0], parts[1]).has("security");
        String path = parts[1].replaceAll("\\{[a-z]+}", "x");
        String body = parts[0].matches("P.*") ? "{}" : null;
        Answer answer = fixture.send(parts[0], path, body);
        assertThat(answer.status() == 401).as(operation).isEqualTo(!open);
        Answer wrong =
            fixture.send(parts[0], path, body, "Authorization", "Bearer 0123456789abcdeX");
        assertThat(wrong.status() == 401).as(operation).isEqualTo(!open);
      }
      Answer allowed =
          fixture.send("GET", "/v1/volumes", null, "Authorization", "bearer 0123456789abcdef");
      assertThat(allowed.status()).isEqualTo(200);
    }
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertThatThrownBy(() -> new Fixture(file)).hasMessageContaining("chmod 600 " + file);
    Files.writeString(file, "short\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    assertThatThrownBy(() -> new Fixture(file)).hasMessageContaining("at least 16 characters");
  }

  @Test
  void addressesThatOthersReachNeedTokens() {
    StoreConfig database = StoreConfig.forController("jdbc:postgresql://127.0.0.1:1/x", "u", "p");
    assertThatThrownBy(() -> new ControllerConfig("0.0.0.0", 7600, null, database))
        .hasMessageContaining("give a token file");
    assertThatThrownBy(() -> new ControllerConfig("127.0.0.1", 65536, null, database))
        .hasMessageContaining("65536");
  }

  @Test
  void withoutDatabaseRequestsAreAnsweredWithWhatToDo() throws IOException {
    StoreConfig nowhere =
        new StoreConfig("jdbc:postgresql://127.0.0.1:1/x", "u", "p", "nowhere", 2, 300, 0, 500);
    try (Controller controller =
            Controller.start(new ControllerConfig("127.0.0.1", 0, null, nowhere));
        ApiClient client = new ApiClient(controller.uri(), null)) {
      assertThatThrownBy(() -> client.get("/v1/volumes"))
          .isInstanceOfSatisfying(
              ApiClient.RefusedException.class,
              e -> {
                assertThat(e.status()).isEqualTo(503);
                assertThat(e.code()).isEqualTo("DATABASE_UNAVAILABLE");
                assertThat(e.getMessage()).contains("repeat the request in 2 s");
              });
    }
  }

  @Test
  void databaseThatForgetsIsRefused() {
    String url = TestServer.newDatabase();
    assertThatThrownBy(() ->
            Controller.start(
                new ControllerConfig("127.0.0.1", 0, null, TestServer.controller(url))))
        .hasMessageContaining("PostgreSQL is not safe: fsync is off");
  }

  @Test
  void stoppingEndsWaitsAtOnce() throws Exception {
    try (Fixture fixture = new Fixture("sn1", "sn2");
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      fixture.agents.values().forEach(a -> a.hold(true));
      Future<Answer> waiter =
          threads.submit(() -> fixture.post("/v1/volumes?wait=60", volume("db")));
      while (fixture.store.volumes().isEmpty()) {
        Thread.onSpinWait();
      }
      long startNs = System.nanoTime();
      fixture.controller.close();
      assertThat(System.nanoTime() - startNs).isLessThan(10_000_000_000L);
      assertThat(waiter.get().status()).isEqualTo(202);
    }
  }
}
