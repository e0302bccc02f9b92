from pyskl.cli.train import ending
from pyskl.engine.run_result import TrainResult


def test_the_final_table_has_the_best_and_the_last_checkpoint():
    best = {'metric': 'top1_acc', 'value': 0.5, 'epoch': 1, 'file': 'best.pth'}
    result = TrainResult('run', 0, {'top1_acc': 0.25}, best, 'run/epoch_2.pth', 'run/best.pth')
    assert ending(result).splitlines() == [
        '      top1_acc  checkpoint',
        'best  0.5000    run/best.pth',
        'last  0.2500    run/epoch_2.pth',
    ]
    assert ending(TrainResult('run')).split() == ['checkpoint']
