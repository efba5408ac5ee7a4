package io.diskengine.engine.bdev;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.diskengine.engine.SteppedReactors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ExamineTest {
  private final SteppedReactors reactors = new SteppedReactors(7);
  private final BdevLayer layer = reactors.layer();
  private final Map<String, Runnable> underWay = new HashMap<>();
  private final List<String> told = new ArrayList<>();

  /** Examines until the test says that it is done. */
  private final class HeldModule implements BdevModule {
    @Override
    public String name() {
      return "held";
    }

    @Override
    public void examine(Bdev bdev, Runnable done) {
      underWay.put(bdev.name(), done);
    }
  }

  @AfterEach
  void close() {
    reactors.close();
  }

  private Bdev registered(String name) {
    MallocBdev bdev = new MallocBdev(name, UUID.randomUUID(), 512, 64);
    reactors.home(() -> layer.register(bdev));
    return bdev;
  }

  private void finish(String name) {
    reactors.home(Objects.requireNonNull(underWay.remove(name))::run);
  }

  @Test
  void whoWaitsForOneDeviceIsNotHeldBackByAnother() {
    reactors.home(() -> layer.addModule(new HeldModule()));
    Bdev quick = registered("quick");
    Bdev hung = registered("hung");
    reactors.home(() -> {
      layer.waitForExamine(() -> told.add("all"));
      layer.waitForExamine(hung, () -> told.add("hung"));
      layer.waitForExamine(quick, () -> told.add("quick"));
    });
    assertEquals(List.of(), told);
    finish("quick");
    assertEquals(List.of("quick"), told);
    reactors.home(() -> layer.waitForExamine(quick, () -> told.add("quick again")));
    assertEquals(List.of("quick", "quick again"), told);
    finish("hung");
    assertEquals(List.of("quick", "quick again", "hung", "all"), told);
  }
}
