package io.diskengine.testkit.conformance;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Something that claims to answer SPDK's RPC. */
public interface Implementation {
  /** The system property with the path of a real {@code spdk_tgt} to run the suite on as well. */
  String SPDK_TGT = "diskengine.spdk-tgt";

  /** The environment variable with more arguments for {@code spdk_tgt}, separated by spaces. */
  String SPDK_TGT_ARGS = "DISKENGINE_SPDK_TGT_ARGS";

  /**
   * Starts without hugepages, and without a look at the machine's PCI devices, of which it might
   * take one; on a core of its own a target is faster.
   */
  String DEFAULT_SPDK_TGT_ARGS =
      "-m 0x1 --no-huge -s 1024 --iova-mode=va --no-pci --disable-cpumask-locks";

  /** In which ways it differs from SPDK; whatever is not declared is supported. */
  Set<ConformanceGap> gaps();

  /** The quickest way to a data plane whose socket is {@code directory/name.sock}. */
  DataPlane start(Path directory, String name, boolean waitForRpc) throws IOException;

  /** The same as a process of its own, with further arguments. */
  DataPlaneProcess startProcess(Path directory, String name, String... arguments)
      throws IOException;

  /** The engine, the fake, and {@code spdk_tgt} when {@link #SPDK_TGT} says where it is. */
  static List<Implementation> all() {
    List<Implementation> all = new ArrayList<>();
    all.add(new EngineImplementation());
    all.add(new FakeImplementation());
    @Nullable String spdk = System.getProperty(SPDK_TGT);
    if (spdk != null && !spdk.isEmpty()) {
      all.add(
          new SpdkTgtImplementation(
              spdk,
              List.of(
                  System.getenv()
                      .getOrDefault(SPDK_TGT_ARGS, DEFAULT_SPDK_TGT_ARGS)
                      .strip()
                      .split(" +"))));
    }
    return all;
  }
}
