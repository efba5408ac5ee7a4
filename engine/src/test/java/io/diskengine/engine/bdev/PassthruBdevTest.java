package io.diskengine.engine.bdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.engine.SteppedReactors;
import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.PassthruModule.Asked;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PassthruBdevTest {
  private final SteppedReactors reactors = new SteppedReactors(3);
  private final BdevLayer layer = reactors.layer();
  private final PassthruModule module = new PassthruModule(layer);

  PassthruBdevTest() {
    reactors.home(() -> layer.addModule(module));
  }

  @AfterEach
  void close() {
    reactors.close();
  }

  private MallocBdev malloc(String name) {
    MallocBdev bdev = new MallocBdev(name, new UUID(1, 2), 512, 64);
    reactors.home(() -> layer.register(bdev));
    return bdev;
  }

  private int remove(Bdev bdev) {
    int[] errno = {1};
    reactors.home(() -> layer.unregister(bdev, e -> errno[0] = e));
    reactors.runUntil(() -> errno[0] != 1);
    return errno[0];
  }

  @Test
  void ioOfBothReactorsReachesTheBase() {
    malloc("m0");
    reactors.home(() -> module.create(new Asked("p0", "m0", null)));
    TestIo io = new TestIo(reactors, "p0");
    byte[] data = new byte[512];
    data[7] = 9;
    assertThat(io.write(0, 5, data)).isZero();
    assertThat(io.read(1, 5, 1)).isEqualTo(data);
    assertThat(io.run(1, request -> request.unmap(5, 1))).isZero();
    assertThat(io.read(0, 5, 1)).isEqualTo(new byte[512]);
    assertThat(io.run(0, BdevIo::flush)).isZero();
    assertThatThrownBy(() -> new TestIo(reactors, "m0"))
        .as("the base is claimed")
        .hasMessageContaining("claimed by passthru");
  }

  @Test
  void appearsWithItsBaseAndAgainAfterItWasAway() {
    reactors.home(() -> module.create(new Asked("p0", "m0", new UUID(3, 4))));
    assertThat(layer.find("p0")).isNull();
    MallocBdev base = malloc("m0");
    assertThat(layer.find("p0")).isInstanceOf(PassthruBdev.class);
    assertThat(remove(base)).isZero();
    assertThat(layer.find("p0")).isNull();
    malloc("m0");
    Bdev again = layer.find("p0");
    assertThat(again).isInstanceOf(PassthruBdev.class);
    assertThat(again.uuid()).isEqualTo(new UUID(3, 4));
  }

  @Test
  void deletedOneStaysAway() {
    MallocBdev base = malloc("m0");
    reactors.home(() -> module.create(new Asked("p0", "m0", null)));
    int[] errno = {1};
    reactors.home(() -> module.delete("p0", e -> errno[0] = e));
    reactors.runUntil(() -> errno[0] != 1);
    assertThat(errno[0]).isZero();
    assertThat(remove(base)).isZero();
    malloc("m0");
    assertThat(layer.find("p0")).isNull();
    reactors.home(() -> module.delete("p0", e -> errno[0] = e));
    assertThat(errno[0]).isEqualTo(BdevException.ENODEV);
  }

  @Test
  void theSameNameTwiceIsRefused() {
    reactors.home(() -> {
      module.create(new Asked("p0", "m0", null));
      assertThatThrownBy(() -> module.create(new Asked("p0", "m1", null)))
          .isInstanceOfSatisfying(
              BdevException.class, e -> assertThat(e.errno()).isEqualTo(BdevException.EEXIST));
    });
  }
}
