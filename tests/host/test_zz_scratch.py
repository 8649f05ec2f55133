import nodes, torch, pytest
from attention_bending.bending import Bend
from attention_bending.bending import operators as ops
from host.support import *
KISS = (Bend(ops.Flip(), "kiss"), Bend(ops.Amplify(4.0), "kiss"))
def test_bounds(tiny_model, tiny_clip, sample):
    p=prompt(tiny_clip,"a romantic (kiss) at sunset"); n=prompt(tiny_clip,"blurry"); q=prompt(tiny_clip, "a (kiss) in the rain")
    ranged = nodes.ConditioningSetTimestepRange()
    (early,) = ranged.set_range(p, 0.0, 0.49)
    (late,) = ranged.set_range(q, 0.49, 1.0)
    for cond in (p, q, early+late):
        for steps in (1,2,3,4,6):
            m=tiny_model(SMALL)
            d=Dense(m,KISS,cond,Film.of(2,4,4))
            a=sample(d.patched(),cond,n,shape=(1,16,2,8,8),steps=steps)
            b=sample(bent(m,*KISS),cond,n,shape=(1,16,2,8,8),steps=steps)
            print(steps,len(cond),d.rows,distance(b,a), a.std())
