package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolSync;
import io.diskengine.testkit.spdk.FakeView;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Somebody changes an export below a volume that is in use: what is ours is mended, else named. */
class SimForeignHandTest {
  private static final long SEES_WITHIN_MS = 90_000;
  private static final UUID STRANGER = new UUID(7, 7);

  private final SimWorld w = new SimWorld(11, 2, 1).startAll();
  private final Lvol lvol;
  private final SimNode node;
  private final FabricAddress at;

  SimForeignHandTest() {
    w.user.create("v1", 2);
    w.user.attach("v1", "bm1");
    w.await("v1 to be attached", 60_000, () -> w.isAttached("v1"));
    w.settle();
    lvol = w.store.state().lvolsOf(w.volume("v1").id).getLast();
    node = w.node(w.store.state().nodes.at(lvol.nodeId()).name());
    at = node.addresses.getFirst();
  }

  private FakeView.Subsystem export() {
    return w.subsystem(node, lvol.nqn());
  }

  private void call(String method, String more) {
    w.call(node, method, "{\"nqn\":\"%s\",%s}".formatted(lvol.nqn(), more));
  }

  private void listener(String method, int port) {
    String address = at.host() + ":" + port;
    node.spdk.addresses.add(address);
    call(
        method,
        "\"listen_address\":{\"trtype\":\"TCP\",\"adrfam\":\"IPv4\",\"traddr\":\"%s\",\"trsvcid\":\"%d\"}"
            .formatted(at.host(), port));
  }

  private void addStranger(int nsid) {
    w.call(
        node,
        "bdev_null_create",
        "{\"name\":\"stranger\",\"num_blocks\":1024,\"block_size\":4096,\"uuid\":\"%s\"}"
            .formatted(STRANGER));
    call(
        "nvmf_subsystem_add_ns",
        "\"namespace\":{\"bdev_name\":\"stranger\",\"nsid\":" + nsid + "}");
  }

  /** The volume is as it was, with every leg in its set. */
  private void heals() {
    w.settle();
    assertThat(w.store.state().lvolsOf(w.volume("v1").id))
        .extracting(Lvol::sync)
        .containsOnly(LvolSync.IN_SYNC);
    assertThat(export().listeners()).containsExactly(at.host() + ":" + at.port());
  }

  @Test
  void aListenerAtAWrongAddressIsTakenAwayAndTheRightOneIsThereAgain() {
    listener("nvmf_subsystem_add_listener", 4499);
    listener("nvmf_subsystem_remove_listener", at.port());
    assertThat(export().listeners()).containsExactly(at.host() + ":4499");
    w.await(
        "the right listener",
        SEES_WITHIN_MS,
        () -> export().listeners().equals(List.of(at.host() + ":" + at.port())));
    heals();
  }

  @Test
  void aGrantedHostThatIsMissingIsLetInAgain() {
    var granted = export().hosts();
    call("nvmf_subsystem_remove_host", "\"host\":\"" + granted.iterator().next() + "\"");
    assertThat(export().hosts()).isEmpty();
    w.await("the host", SEES_WITHIN_MS, () -> export().hosts().equals(granted));
    heals();
  }

  @Test
  void anotherNamespaceInItsPlaceIsNamedAndLeftAlone() {
    w.user.detach("v1");
    w.settle();
    List<UUID> own = export().bdevs();
    call("nvmf_subsystem_remove_ns", "\"nsid\":1");
    addStranger(1);
    isNamedAndLeftAlone();
    removeStranger(1);
    w.await("its own namespace", SEES_WITHIN_MS, () -> export().bdevs().equals(own));
    heals();
  }

  @Test
  void aSecondNamespaceIsNamedAndLeftAlone() {
    addStranger(2);
    isNamedAndLeftAlone();
    removeStranger(2);
    heals();
  }

  private void removeStranger(int nsid) {
    call("nvmf_subsystem_remove_ns", "\"nsid\":" + nsid);
    w.call(node, "bdev_null_delete", "{\"name\":\"stranger\"}");
  }

  private void isNamedAndLeftAlone() {
    FakeView.Subsystem before = export();
    assertThat(before.bdevs()).contains(STRANGER);
    w.run(SEES_WITHIN_MS);
    assertThat(w.reasons())
        .contains(
            node.name
                + " "
                + lvol.name()
                + ": an operator: subsystem "
                + lvol.nqn()
                + " has another namespace");
    assertThat(export().bdevs()).isEqualTo(before.bdevs());
    assertThat(export().listeners()).isEqualTo(before.listeners());
  }
}
